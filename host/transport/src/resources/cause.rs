//! What a machine's words about a failure say.

/// Why a wish could not be met, as far as the machine's words tell. Its programs speak the
/// language of the C locale.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// There is no room left, or no right to more of it.
    DiskFull,
    /// The file system cannot be written to.
    ReadOnly,
    /// A user or a group is not there.
    NoSuchUser,
    /// Somebody else is at it, such as another package manager.
    Locked,
    /// The machine does not let this user do that.
    Permission,
    /// Something of another kind stands at the path.
    InTheWay,
    /// Anything else.
    Other,
}

/// Words, in lower case, and what they say. The first that is found counts: a full disk makes
/// programs complain about much else.
const WORDS: [(&str, Cause); 30] = [
    ("no space left on device", Cause::DiskFull),
    ("disk quota exceeded", Cause::DiskFull),
    // All that dash says, and next to always this.
    ("printf: i/o error", Cause::DiskFull),
    ("you don't have enough free space", Cause::DiskFull),
    ("not enough free disk space", Cause::DiskFull),
    ("read-only file system", Cause::ReadOnly),
    ("could not get lock", Cause::Locked),
    ("unable to acquire the dpkg", Cause::Locked),
    ("frontend lock", Cause::Locked),
    ("database is locked", Cause::Locked),
    ("unable to lock database", Cause::Locked),
    ("lock is held by", Cause::Locked),
    ("waiting for process with pid", Cause::Locked),
    ("cannot lock /etc/", Cause::Locked),
    ("resource temporarily unavailable", Cause::Locked),
    ("invalid user", Cause::NoSuchUser),
    ("invalid group", Cause::NoSuchUser),
    ("unknown user", Cause::NoSuchUser),
    ("unknown group", Cause::NoSuchUser),
    ("no such user", Cause::NoSuchUser),
    ("no such group", Cause::NoSuchUser),
    ("failed to determine user credentials", Cause::NoSuchUser),
    ("permission denied", Cause::Permission),
    ("operation not permitted", Cause::Permission),
    ("are you root?", Cause::Permission),
    ("is in the way", Cause::InTheWay),
    ("is a directory", Cause::InTheWay),
    ("not a directory", Cause::InTheWay),
    ("cannot overwrite", Cause::InTheWay),
    ("file exists", Cause::InTheWay),
];

impl Cause {
    /// Judges a machine's words.
    pub fn of(words: &str) -> Self {
        let words = words.to_lowercase();
        let found = WORDS.iter().find(|(known, _)| words.contains(known));
        found.map_or(Self::Other, |(_, cause)| *cause)
    }

    /// What a person can do about it, where that is known.
    pub fn hint(self) -> Option<&'static str> {
        Some(match self {
            Self::DiskFull => {
                "make room on the machine (`df -h` and `df -i` say where it is short), then run again"
            }
            Self::ReadOnly => {
                "the file system is mounted read-only: if that is not meant, `dmesg` on the machine \
                 says why; remount it, then run again"
            }
            Self::NoSuchUser => {
                "make the user or group first, by a wish before this one or by hand, then run again"
            }
            Self::Locked => {
                "another program is at it, such as unattended upgrades: let it end, then run again"
            }
            Self::Permission => {
                "the user that cellhost logs in as may not do this: log in as root, or set `become` \
                 in the plan's [ssh]"
            }
            Self::InTheWay => {
                "cellhost does not replace things of another kind: move away what stands there, then \
                 run again"
            }
            Self::Other => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_what_programs_say() {
        for (words, cause) in [
            (
                "sh: 3: printf: printf: I/O error\ncp: error writing '/x': No space left on device",
                Cause::DiskFull,
            ),
            (
                "mv: cannot move '/a' to '/b': Read-only file system",
                Cause::ReadOnly,
            ),
            ("chown: invalid user: 'nobody2'", Cause::NoSuchUser),
            ("chown: unknown user nobody2", Cause::NoSuchUser),
            (
                "E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 7 (sleep)",
                Cause::Locked,
            ),
            (
                "ERROR: Unable to lock database: Resource temporarily unavailable",
                Cause::Locked,
            ),
            (
                "sh: 1: cannot create /etc/x: Permission denied",
                Cause::Permission,
            ),
            ("/srv is in the way and no directory", Cause::InTheWay),
            ("it did not feel like it", Cause::Other),
        ] {
            assert_eq!(Cause::of(words), cause, "{words}");
        }
    }
}
