use std::fmt;

use serde::{Deserialize, Serialize};

use crate::document::Value;
use crate::problem::Problem;

/// How each kind of key begins, since its own name is the first thing in it.
const KINDS: [(&str, &str); 7] = [
    ("ssh-ed25519", "AAAAC3NzaC1lZDI1NTE5"),
    ("ssh-rsa", "AAAAB3NzaC1y"),
    ("ecdsa-sha2-nistp256", "AAAAE2VjZHNhLXNoYTItbmlzdHAy"),
    ("ecdsa-sha2-nistp384", "AAAAE2VjZHNhLXNoYTItbmlzdHAz"),
    ("ecdsa-sha2-nistp521", "AAAAE2VjZHNhLXNoYTItbmlzdHA1"),
    (
        "sk-ssh-ed25519@openssh.com",
        "AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29t",
    ),
    (
        "sk-ecdsa-sha2-nistp256@openssh.com",
        "AAAAInNrLWVjZHNhLXNoYTItbmlzdHAyNTZAb3BlbnNzaC5j",
    ),
];

/// A key that a machine has to show, whatever else is known of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HostKey {
    /// Its kind, such as `ssh-ed25519`.
    pub kind: String,
    /// The key itself, in base64.
    pub key: String,
    /// The line of the plan that it stands in, from 1 on, where it does.
    pub line: Option<usize>,
}

impl HostKey {
    /// Reads a key as it stands in a `.pub` file; what follows it is a comment.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let help = "give the whole key, as `/etc/ssh/ssh_host_ed25519_key.pub` of the machine has \
                    it: \"ssh-ed25519 AAAA…\"";
        let wrong = |message: String| Problem::new(message).help(help);
        if text.starts_with("SHA256:") || text.starts_with("MD5:") {
            return Err(wrong("a fingerprint is not a key".to_owned()));
        }
        let mut words = text.split(' ').filter(|word| !word.is_empty());
        let (kind, key) = (words.next().unwrap_or_default(), words.next());
        let Some((_, begin)) = KINDS.iter().find(|(known, _)| *known == kind) else {
            let shown = kind.escape_debug();
            return Err(wrong(format!("`{shown}` is no kind of host key")));
        };
        let key = key.ok_or_else(|| wrong("there is a kind of key and no key".to_owned()))?;
        let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=');
        // An ed25519 key, the shortest, has 68 characters.
        if !key.starts_with(begin) || key.len() < 64 || key.len() % 4 != 0 || !key.chars().all(good)
        {
            return Err(wrong(format!("this is not a whole key of kind `{kind}`")));
        }
        Ok(Self {
            kind: kind.to_owned(),
            key: key.to_owned(),
            line: None,
        })
    }

    /// The same key without its place.
    pub fn anywhere(&self) -> Self {
        Self {
            line: None,
            ..self.clone()
        }
    }

    /// Reads one key of a machine, or several.
    pub(crate) fn read(value: &Value<'_>) -> Vec<Self> {
        let texts = value.one_or_more_texts();
        if texts.as_ref().is_some_and(Vec::is_empty) {
            let problem = Problem::new("an empty list holds the machine to no key");
            value.reject(problem.help("leave it out, and what ssh knows counts"));
        }
        let texts = texts.unwrap_or_default();
        let keys = texts.iter().filter_map(|text| {
            let key = text.parse(Self::parse)?;
            let place = text.report().source().position(text.span().start);
            let line = Some(place.line);
            Some(Self { line, ..key })
        });
        keys.collect()
    }
}

impl TryFrom<String> for HostKey {
    type Error = Problem;

    fn try_from(text: String) -> Result<Self, Problem> {
        Self::parse(&text)
    }
}

impl From<HostKey> for String {
    fn from(key: HostKey) -> Self {
        key.to_string()
    }
}

impl fmt::Display for HostKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.kind, self.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";

    #[test]
    fn reads_a_key_with_and_without_its_comment() {
        let key = HostKey::parse(KEY).unwrap();
        assert_eq!(key.to_string(), KEY);
        assert_eq!(HostKey::parse(&format!("{KEY} root@m1")).unwrap(), key);
    }

    #[test]
    fn refuses_what_ssh_could_not_hold_a_machine_to() {
        let other = KEY.replace("ssh-ed25519 ", "ssh-rsa ");
        let torn = KEY.split_at(60).0;
        for text in [
            "",
            "ssh-ed25519",
            "SHA256:uNiVztksCsDhcc0u9e8BgrJXVGLeF6vCA5wVbEuvvzs",
            "ssh-dss AAAAB3NzaC1kc3MAAACB",
            "* ssh-ed25519 AAAA",
            "ssh-ed25519 AAAA\nx",
            &other,
            torn,
        ] {
            assert!(HostKey::parse(text).is_err(), "{text:?}");
        }
    }
}
