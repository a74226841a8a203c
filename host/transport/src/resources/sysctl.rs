//! A key of the kernel.

use super::{Difference, path::Content, path::PathFacts};
use crate::FileKind;
use crate::shell::{Part, Refusal, Settling};

/// A key of the kernel that has this value, now and after every start of the machine.
#[derive(Debug, Clone, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Sysctl {
    /// The key, such as `vm.swappiness`. With slashes between its parts, dots belong to them.
    pub key: String,
    /// Its value.
    pub value: String,
    /// Whether it has the value now too, and not only after the next start.
    pub live: bool,
}

/// The file that sets a key when the machine starts, or why this is no key.
pub fn file(key: &str) -> Result<String, String> {
    place(key)?;
    Ok(format!("/etc/sysctl.d/60-{}.conf", key.replace('/', ".")))
}

/// The file of the kernel that is the key.
fn place(key: &str) -> Result<String, String> {
    let between = if key.contains('/') { '/' } else { '.' };
    let fine = |c: char| c.is_ascii_alphanumeric() || "._-:@".contains(c);
    let parts: Vec<&str> = key.split(between).collect();
    let parts_fine = parts
        .iter()
        .all(|part| !matches!(*part, "" | "." | "..") && part.chars().all(fine));
    if parts.len() < 2 || !parts_fine || key.len() > 200 {
        let key = key.escape_debug();
        return Err(format!(
            "`{key}` is no key of a kernel, such as `vm.swappiness`"
        ));
    }
    Ok(format!("/proc/sys/{}", parts.join("/")))
}

impl Sysctl {
    /// The file of the kernel that is the key.
    pub fn place(&self) -> String {
        // Whoever has checked the wish does not get here with another key.
        place(&self.key).unwrap_or_default()
    }

    /// What its file holds, or what is wrong with the wish.
    pub fn text(&self) -> Result<String, String> {
        place(&self.key)?;
        let value = &self.value;
        if value.trim().is_empty() || value.chars().any(|c| c.is_control() && c != '\t') {
            return Err(format!(
                "`{}` is no value of a kernel's key",
                value.escape_debug()
            ));
        }
        Ok(format!("{} = {}\n", self.key, words(value)))
    }

    /// Returns what differs, if anything. Blanks are all the same to the kernel.
    pub fn compare(&self, facts: &PathFacts) -> Option<Difference> {
        let wished = words(&self.value);
        let line = match &facts.content {
            Some(Content(is)) => {
                let is = words(&String::from_utf8_lossy(is));
                if is == wished {
                    return None;
                }
                format!("{is} -> {wished}")
            }
            None => format!("set {wished}"),
        };
        Some(Difference {
            lines: vec![line],
            content: false,
        })
    }

    /// Writes how it is set.
    pub(crate) fn settle(&self, settling: &mut Settling) -> Result<(), Refusal> {
        settling.script.need(&[Part::Sysctl]);
        let place = place(&self.key).map_err(Refusal)?;
        let words = [place, words(&self.value), self.key.clone()];
        settling.script.call("ch_do ch_sysctl", words)
    }

    /// The facts once the wish is met.
    pub fn met(&self) -> PathFacts {
        PathFacts {
            kind: Some(FileKind::File),
            mode: 0o644,
            owner: "root".to_owned(),
            group: "root".to_owned(),
            content: Some(Content(format!("{}\n", words(&self.value)).into_bytes())),
            ..PathFacts::nothing()
        }
    }
}

fn words(value: &str) -> String {
    value.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sysctl(key: &str, value: &str) -> Sysctl {
        Sysctl {
            key: key.to_owned(),
            value: value.to_owned(),
            live: true,
        }
    }

    #[test]
    fn finds_the_files_of_a_key() {
        let ports = sysctl("net.ipv4.ip_local_port_range", "1024  65000");
        assert_eq!(ports.place(), "/proc/sys/net/ipv4/ip_local_port_range");
        assert_eq!(
            ports.text().unwrap(),
            "net.ipv4.ip_local_port_range = 1024 65000\n"
        );
        let dotted = sysctl("net/ipv4/conf/eth0.1/rp_filter", "1");
        assert_eq!(dotted.place(), "/proc/sys/net/ipv4/conf/eth0.1/rp_filter");
        assert_eq!(
            file(&dotted.key).unwrap(),
            "/etc/sysctl.d/60-net.ipv4.conf.eth0.1.rp_filter.conf"
        );
    }

    #[test]
    fn refuses_what_would_lead_elsewhere() {
        for key in [
            "",
            "vm",
            "vm..x",
            "../x",
            "vm/../../x",
            "/vm/x",
            "vm.x y",
            "vm.x\n",
        ] {
            assert!(file(key).is_err(), "{key:?}");
        }
        assert!(sysctl("vm.x", "1\nkernel.y = 2").text().is_err());
        assert!(sysctl("vm.x", " ").text().is_err());
    }

    #[test]
    fn takes_all_blanks_for_the_same() {
        let is = sysctl("a.b", "1\t2   3").met();
        assert!(sysctl("a.b", "1 2 3").compare(&is).is_none());
        let difference = sysctl("a.b", "1 2 4").compare(&is).unwrap();
        assert_eq!(difference.lines, ["1 2 3 -> 1 2 4"]);
    }
}
