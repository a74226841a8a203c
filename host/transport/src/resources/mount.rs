//! A file system that is mounted.

use super::{Difference, path::Content, path::PathFacts};
use crate::shell::{Part, Refusal, Settling};

/// Where the kernel tells what is mounted.
pub const TABLE: &str = "/proc/self/mountinfo";

/// Flags of a mount that the kernel tells as they were asked for.
const FLAGS: [&str; 6] = ["ro", "nosuid", "nodev", "noexec", "noatime", "nodiratime"];

/// Mount points without which a machine does not live.
const VITAL: [&str; 10] = [
    "/", "/boot", "/dev", "/etc", "/proc", "/run", "/sys", "/tmp", "/usr", "/var",
];

/// A file system that is mounted, or nothing that is.
#[derive(Debug, Clone, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Mount {
    /// Where.
    pub path: String,
    /// What: a device, `UUID=…`, `host:/path`, `tmpfs`.
    pub source: String,
    /// The type of its file system; `none` for a bind mount.
    pub kind: String,
    /// How.
    pub options: Vec<String>,
    /// Whether it is mounted.
    pub mounted: bool,
}

/// What is mounted somewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mounted {
    path: String,
    flags: Vec<String>,
    kind: String,
    source: String,
}

impl Mount {
    /// The wish that nothing is mounted here.
    pub fn none(path: &str) -> Self {
        Self {
            path: path.to_owned(),
            source: String::new(),
            kind: String::new(),
            options: Vec::new(),
            mounted: false,
        }
    }

    /// What is wrong with the wish, if anything.
    pub fn check(&self) -> Result<(), String> {
        if VITAL.contains(&self.path.as_str()) {
            return Err(format!(
                "what is mounted at {} is the machine's own",
                self.path
            ));
        }
        let word = |what: &str, text: &str, strange: &[char]| {
            let begins_fine = !text.is_empty() && !text.starts_with('-');
            if begins_fine && !text.contains(strange) && !text.chars().any(char::is_control) {
                return Ok(());
            }
            Err(format!("`{}` is no {what}", text.escape_debug()))
        };
        if self.mounted {
            word("source of a mount", &self.source, &[])?;
            word("type of a file system", &self.kind, &[' ', ',', '/', '#'])?;
            for option in &self.options {
                word("option of a mount", option, &[' ', ','])?;
            }
        }
        Ok(())
    }

    /// Its options as one word.
    pub fn options(&self) -> String {
        if self.options.is_empty() {
            "defaults".to_owned()
        } else {
            self.options.join(",")
        }
    }

    /// Whether it is mounted by hand only.
    pub fn by_hand(&self) -> bool {
        self.has("noauto")
    }

    fn has(&self, option: &str) -> bool {
        self.options.iter().any(|own| own == option)
    }

    /// Returns what differs, given the table of what is mounted.
    pub fn compare(&self, facts: &PathFacts) -> Option<Difference> {
        let found = found(facts, &self.path);
        let line = match (&found, self.mounted) {
            (None, false) => return None,
            (None, true) => format!("mount {}", self.source),
            (Some(_), false) => "unmount".to_owned(),
            (Some(found), true) if self.is_another(found) => format!(
                "{} ({}) is mounted there, and {} ({}) is wanted",
                found.source, found.kind, self.source, self.kind
            ),
            (Some(found), true) => {
                let (wanted, is) = (self.flags(), &found.flags);
                if wanted == *is {
                    return None;
                }
                format!("remount {} as {}", or_none(is), or_none(&wanted))
            }
        };
        Some(Difference {
            lines: vec![line],
            content: false,
        })
    }

    /// Whether something else is mounted here, as far as that can be told by names: a device has
    /// several.
    fn is_another(&self, found: &Mounted) -> bool {
        if self.has("bind") || self.has("rbind") {
            return false;
        }
        let alias = ["/dev/disk/", "/dev/mapper/", "/dev/dm-"];
        let named =
            |name: &str| !name.contains('=') && !alias.iter().any(|alias| name.starts_with(alias));
        let another_kind = self.kind != "auto" && self.kind != found.kind;
        let comparable = named(&self.source) && named(&found.source);
        another_kind || comparable && self.source != found.source
    }

    fn flags(&self) -> Vec<String> {
        let wanted = FLAGS.iter().filter(|flag| self.has(flag));
        wanted.map(|flag| (*flag).to_owned()).collect()
    }

    /// Writes how it is mounted or unmounted, given the table.
    pub(crate) fn settle(
        &self,
        facts: &super::Facts,
        settling: &mut Settling,
    ) -> Result<(), Refusal> {
        settling.script.need(&[Part::Mount]);
        self.check().map_err(Refusal)?;
        let found = match facts {
            super::Facts::Path(facts) => found(facts, &self.path),
            _ => None,
        };
        let script = &mut settling.script;
        match found {
            _ if !self.mounted => script.call("ch_do ch_unmount", [&self.path]),
            // Somebody may be at work there.
            Some(found) if self.is_another(&found) => {
                let words = [&self.path, &found.source, &self.source];
                script.call("ch_do ch_mounted_else", words)
            }
            Some(_) => script.call("ch_do ch_remount", [&self.path, &self.options()]),
            None => {
                let words = [&self.path, &self.source, &self.kind, &self.options()];
                script.call("ch_do ch_mount", words)
            }
        }
    }

    /// The table once the wish is met.
    pub fn met(&self, before: &PathFacts) -> PathFacts {
        let text = text(before);
        let stays = |line: &&str| read(line).is_none_or(|mounted| mounted.path != self.path);
        let mut lines: Vec<String> = text.lines().filter(stays).map(str::to_owned).collect();
        if self.mounted {
            let mut flags = vec![if self.has("ro") { "ro" } else { "rw" }.to_owned()];
            flags.extend(self.flags().into_iter().filter(|flag| flag != "ro"));
            let [path, source, kind] =
                [&self.path, &self.source, &self.kind].map(|text| escape(text));
            let flags = flags.join(",");
            lines.push(format!("0 0 0:0 / {path} {flags} - {kind} {source} rw"));
        }
        let table = lines
            .iter()
            .flat_map(|line| [line.as_str(), "\n"])
            .collect::<String>();
        PathFacts {
            content: Some(Content(table.into_bytes())),
            ..before.clone()
        }
    }
}

fn or_none(flags: &[String]) -> String {
    if flags.is_empty() {
        "rw".to_owned()
    } else {
        flags.join(",")
    }
}

fn text(facts: &PathFacts) -> String {
    let content = facts.content.as_ref();
    content.map_or_else(String::new, |content| {
        String::from_utf8_lossy(&content.0).into_owned()
    })
}

/// What is mounted at a path: of several, the last hides the others.
fn found(facts: &PathFacts, path: &str) -> Option<Mounted> {
    let text = text(facts);
    let mut all = text.lines().filter_map(read);
    all.rfind(|mounted| mounted.path == path)
}

/// Reads a line of the table: fields, a dash behind some that not every mount has, and more.
fn read(line: &str) -> Option<Mounted> {
    let (place, what) = line.split_once(" - ")?;
    let mut place = place.split(' ').skip(4);
    let mut what = what.split(' ');
    let path = unescape(place.next()?);
    let told: Vec<&str> = place.next()?.split(',').collect();
    let flags = FLAGS.iter().filter(|flag| told.contains(flag));
    Some(Mounted {
        path,
        flags: flags.map(|flag| (*flag).to_owned()).collect(),
        kind: unescape(what.next()?),
        source: unescape(what.next()?),
    })
}

/// Writes a field of a table of mounts, in which blanks stand between fields.
pub fn escape(field: &str) -> String {
    let mut escaped = String::with_capacity(field.len());
    for c in field.chars() {
        match c {
            ' ' => escaped.push_str("\\040"),
            '\t' => escaped.push_str("\\011"),
            '\n' => escaped.push_str("\\012"),
            '#' => escaped.push_str("\\043"),
            '\\' => escaped.push_str("\\134"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// Reads a field of a table of mounts.
pub fn unescape(field: &str) -> String {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..3).filter(|_| *first == b'\\');
        let octal = digits
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .filter(|digits| digits.bytes().all(|digit| (b'0'..=b'7').contains(&digit)))
            .and_then(|digits| u8::from_str_radix(digits, 8).ok());
        if let Some(byte) = octal {
            bytes.push(byte);
            rest = after.get(3..).unwrap_or_default();
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn table(text: &str) -> PathFacts {
        PathFacts {
            kind: Some(crate::FileKind::File),
            content: Some(Content(text.as_bytes().to_vec())),
            ..PathFacts::nothing()
        }
    }

    fn data(options: &[&str]) -> Mount {
        Mount {
            path: "/srv/my data".to_owned(),
            source: "/dev/vdb1".to_owned(),
            kind: "ext4".to_owned(),
            options: options.iter().map(|option| (*option).to_owned()).collect(),
            mounted: true,
        }
    }

    const TABLE: &str = "21 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw\n\
                         36 21 254:17 / /srv/my\\040data rw,nosuid,relatime - ext4 /dev/vdb1 rw\n";

    fn lines(wish: &Mount, text: &str) -> Vec<String> {
        let difference = wish.compare(&table(text));
        difference.map_or_else(Vec::new, |difference| difference.lines)
    }

    #[test]
    fn compares_with_what_is_mounted() {
        assert!(lines(&data(&["nosuid"]), TABLE).is_empty());
        assert_eq!(lines(&data(&[]), TABLE), ["remount nosuid as rw"]);
        assert_eq!(
            lines(&data(&["ro", "nosuid"]), TABLE),
            ["remount nosuid as ro,nosuid"]
        );
        assert_eq!(lines(&data(&[]), ""), ["mount /dev/vdb1"]);
        assert_eq!(lines(&Mount::none("/srv/my data"), TABLE), ["unmount"]);
        assert!(lines(&Mount::none("/srv"), TABLE).is_empty());
        let uuid = Mount {
            source: "UUID=1-2".to_owned(),
            ..data(&["nosuid"])
        };
        assert!(lines(&uuid, TABLE).is_empty());
        let other = Mount {
            source: "/dev/vdc1".to_owned(),
            ..data(&["nosuid"])
        };
        assert!(lines(&other, TABLE)[0].contains("/dev/vdb1 (ext4) is mounted there"));
    }

    #[test]
    fn leaves_alone_what_a_machine_lives_on() {
        for path in ["/", "/usr", "/proc"] {
            assert!(
                Mount {
                    path: path.to_owned(),
                    ..data(&[])
                }
                .check()
                .is_err()
            );
            assert!(Mount::none(path).check().is_err());
        }
        assert!(data(&["a,b"]).check().is_err() && data(&["a b"]).check().is_err());
        assert!(
            Mount {
                source: "-x".to_owned(),
                ..data(&[])
            }
            .check()
            .is_err()
        );
    }

    proptest! {
        #[test]
        fn reads_back_what_it_wrote(field in "\\PC{0,20}[ \t\n\\\\#]{0,3}\\PC{0,5}") {
            let escaped = escape(&field);
            prop_assert!(!escaped.contains([' ', '\t', '\n', '#']));
            prop_assert_eq!(unescape(&escaped), field);
        }

        #[test]
        fn survives_whatever_a_kernel_tells(line in "\\PC{0,80}") {
            let _ = read(&line);
        }

        #[test]
        fn is_as_wished_once_met(
            flags in prop::sample::subsequence(FLAGS.to_vec(), 0..6), mounted: bool, there: bool
        ) {
            let wish = Mount { mounted, ..data(&flags) };
            let before = table(if there { TABLE } else { "" });
            prop_assert_eq!(wish.compare(&wish.met(&before)), None);
        }
    }
}
