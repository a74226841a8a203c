//! What servers of an ensemble say when they are asked how they are.

use std::fmt;

/// The question, in the words of `ZooKeeper`.
pub(super) const QUESTION: &[u8] = b"srvr";

/// The longest answer that is listened to, in bytes; true ones are a few hundred.
pub(super) const LONGEST: u32 = 4096;

/// The part that a server has in its ensemble.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    /// Its followers do as it says.
    Leader,
    /// It votes and follows.
    Follower,
    /// It follows and does not vote.
    Observer,
    /// It is no part of an ensemble.
    Standalone,
    /// It has lost the others and answers from what it remembers.
    ReadOnly,
}

/// What a server said, or did not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It serves.
    Serving {
        /// As what.
        mode: Mode,
        /// The last change that it knows.
        zxid: Option<u64>,
    },
    /// It runs and does not serve: it has no quorum.
    NotServing,
    /// Nobody listens there.
    Refused,
    /// Nothing came within the deadline: it hangs, or its machine does.
    Silent,
    /// Something came that no server says.
    Odd(String),
    /// It could not be asked; why.
    Unasked(String),
}

impl Answer {
    /// Reads what came back, which may be anything.
    pub(super) fn read(bytes: &[u8]) -> Self {
        if bytes.is_empty() {
            return Self::Silent;
        }
        if bytes.len() >= LONGEST as usize {
            return Self::Odd("more than a server has to say".to_owned());
        }
        let Ok(text) = str::from_utf8(bytes) else {
            return Self::Odd("bytes that are no text".to_owned());
        };
        if text.trim_end() == "This ZooKeeper instance is not currently serving requests" {
            return Self::NotServing;
        }
        if text.trim_end() == "srvr is not executed because it is not in the whitelist." {
            return Self::Odd("`srvr` is not in its `4lw.commands.whitelist`".to_owned());
        }
        Self::parse(text).unwrap_or_else(|| {
            let first = text.lines().next().unwrap_or_default();
            let shown: String = first.escape_debug().take(80).collect();
            Self::Odd(format!("`{shown}`, which is no answer to `srvr`"))
        })
    }

    /// Reads an answer that is whole: every line has an end, and each key that counts comes once.
    fn parse(text: &str) -> Option<Self> {
        if !text.starts_with("Zookeeper version: ") || !text.ends_with('\n') {
            return None;
        }
        let once = |key: &str| {
            let mut found = text.lines().filter_map(|line| line.strip_prefix(key));
            match (found.next(), found.next()) {
                (value, None) => Some(value),
                _ => None,
            }
        };
        let mode = match once("Mode: ")?? {
            "leader" => Mode::Leader,
            "follower" => Mode::Follower,
            "observer" => Mode::Observer,
            "standalone" => Mode::Standalone,
            "read-only" => Mode::ReadOnly,
            _ => return None,
        };
        let zxid = match once("Zxid: ")? {
            Some(value) => Some(zxid(value)?),
            None => None,
        };
        Some(Self::Serving { mode, zxid })
    }

    /// What a server would say that has this mode.
    pub(super) fn assumed(mode: Mode) -> Vec<u8> {
        format!("Zookeeper version: assumed\nMode: {mode}\n").into_bytes()
    }

    /// The part that the server has, where clients can count on it.
    pub fn mode(&self) -> Option<Mode> {
        match self {
            Self::Serving { mode, .. } if *mode != Mode::ReadOnly => Some(*mode),
            _ => None,
        }
    }

    /// The last change that the server knows, where it told.
    pub fn zxid(&self) -> Option<u64> {
        match self {
            Self::Serving { zxid, .. } => *zxid,
            _ => None,
        }
    }

    /// The reign that the last change belongs to, where the server told.
    pub fn epoch(&self) -> Option<u64> {
        self.zxid().map(|zxid| zxid >> 32)
    }
}

fn zxid(value: &str) -> Option<u64> {
    let digits = value.strip_prefix("0x")?;
    let plain = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    (plain && digits.len() <= 16).then(|| u64::from_str_radix(digits, 16).ok())?
}

impl fmt::Display for Mode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Leader => "leader",
            Self::Follower => "follower",
            Self::Observer => "observer",
            Self::Standalone => "standalone",
            Self::ReadOnly => "read-only",
        })
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Serving { mode, .. } => write!(formatter, "{mode}"),
            Self::NotServing => formatter.write_str("runs, but does not serve"),
            Self::Refused => formatter.write_str("nobody listens"),
            Self::Silent => formatter.write_str("no answer"),
            Self::Odd(what) => write!(formatter, "says {what}"),
            Self::Unasked(why) => write!(formatter, "cannot be asked: {why}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEADER: &str = "Zookeeper version: 3.8.0-5a02a05eddb59aee6ac762f7ea82e92a68eb9c0f, \
        built on 2022-02-25 08:49 UTC\nLatency min/avg/max: 0/0.0/0\nReceived: 4\nSent: 3\n\
        Connections: 1\nOutstanding: 0\nZxid: 0x300000002\nMode: leader\nNode count: 5\n\
        Proposal sizes last/min/max: -1/-1/-1\n";

    fn read(text: &str) -> Answer {
        Answer::read(text.as_bytes())
    }

    #[test]
    fn reads_every_mode_and_what_a_server_knows() {
        let answer = read(LEADER);
        assert_eq!(answer.mode(), Some(Mode::Leader));
        assert_eq!(answer.zxid(), Some(0x3_0000_0002));
        assert_eq!(answer.epoch(), Some(3));
        for mode in [Mode::Follower, Mode::Observer, Mode::Standalone] {
            let text = LEADER.replace("leader", &mode.to_string());
            assert_eq!(read(&text).mode(), Some(mode));
            assert_eq!(Answer::read(&Answer::assumed(mode)).mode(), Some(mode));
        }
    }

    #[test]
    fn does_not_count_on_a_server_that_lost_the_others() {
        let text = LEADER.replace("leader", "read-only");
        assert_eq!(read(&text).to_string(), "read-only");
        assert_eq!(read(&text).mode(), None);
        let text = "This ZooKeeper instance is not currently serving requests\n";
        assert_eq!(read(text), Answer::NotServing);
        assert_eq!(read(""), Answer::Silent);
    }

    #[test]
    fn takes_nothing_that_is_broken_off_doubled_or_made_up() {
        let mut cases: Vec<String> = (1..LEADER.len())
            .filter(|end| LEADER.is_char_boundary(*end))
            .map(|end| LEADER[..end].to_owned())
            .filter(|text| !(text.contains("Mode: leader\n") && text.ends_with('\n')))
            .collect();
        cases.extend([
            LEADER.replace("Mode: leader", "Mode: leader\nMode: follower"),
            LEADER.replace("Mode: leader", "Mode: leader "),
            LEADER.replace("Mode: leader", " Mode: leader"),
            LEADER.replace("leader", "LEADER"),
            LEADER.replace("0x300000002", "0x30000000200000000"),
            LEADER.replace("0x300000002", "0x+3"),
            LEADER.replace("0x300000002", "12"),
            format!("HTTP/1.1 400 Bad Request\r\n\r\n{LEADER}"),
            format!("{LEADER}{}", "x\n".repeat(4096)),
            "srvr is not executed because it is not in the whitelist.\n".to_owned(),
            "imok".to_owned(),
            "\u{1b}[2J\u{202e}".to_owned(),
        ]);
        for case in cases {
            let answer = read(&case);
            assert!(matches!(answer, Answer::Odd(_)), "{case:?}: {answer:?}");
            assert!(!answer.to_string().contains('\u{1b}'));
        }
        assert!(matches!(Answer::read(&[0xff, 0xfe]), Answer::Odd(_)));
    }
}
