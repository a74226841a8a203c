/// A manager of packages. Each is a file of shell functions, named after it, that do the same:
///
/// - `there`: whether this machine uses it;
/// - `look`: how packages of these names are, as lines `installed NAME VERSION [ARCHITECTURE]`, and
///   for names that none of them has, `provided NAME PACKAGE`;
/// - `install`: installs `NAME` or `NAME=VERSION`, removes nothing, and starts no services unless
///   `ch_start` is `yes`; lists of what there is are fetched anew only where that can help;
/// - `remove`: removes packages and nothing else, and is not asked about names that are not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Packager {
    /// Debian's.
    Apt,
    /// Alpine's.
    Apk,
    /// Fedora's.
    Dnf,
    /// Arch's.
    Pacman,
}

impl Packager {
    /// Its functions.
    pub(crate) fn source(self) -> &'static str {
        match self {
            Self::Apt => include_str!("apt.sh"),
            Self::Apk => include_str!("apk.sh"),
            Self::Dnf => include_str!("dnf.sh"),
            Self::Pacman => include_str!("pacman.sh"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_manager_has_all_functions_and_is_looked_for() {
        let detection = include_str!("../software.sh");
        for (manager, name) in [
            (Packager::Apt, "apt"),
            (Packager::Apk, "apk"),
            (Packager::Dnf, "dnf"),
            (Packager::Pacman, "pacman"),
        ] {
            let line = detection
                .lines()
                .find(|line| line.starts_with("for ch_pm in "));
            assert!(line.unwrap().split([' ', ';']).any(|word| word == name));
            for function in ["there", "look", "install", "remove"] {
                let head = format!("ch_{name}_{function}() {{");
                let there = manager.source().lines().any(|line| line.starts_with(&head));
                assert!(there, "{head}");
            }
        }
    }
}
