//! How far ssh came and what stopped it, told from its own words.

use cellhost_plan::BecomeMethod;

use crate::Stage;
use crate::shell::Failure;

/// What ssh tells of its progress, and the stage that begins with it.
const MARKS: [(&str, Stage); 7] = [
    ("debug1: Connecting to ", Stage::Connect),
    ("debug1: Executing proxy command", Stage::Connect),
    ("debug1: Connection established.", Stage::Banner),
    ("debug1: Remote protocol version", Stage::Banner),
    ("debug1: Server host key:", Stage::HostKey),
    ("debug1: SSH2_MSG_NEWKEYS received", Stage::Authenticate),
    ("Authenticated to ", Stage::Start),
];

/// Words of ssh, in small letters, and the stage at which it says them. The first match counts.
const STAGES: [(&str, Stage); 20] = [
    ("could not resolve hostname", Stage::Resolve),
    ("name resolution", Stage::Resolve),
    ("name or service not known", Stage::Resolve),
    ("bad configuration option", Stage::Resolve),
    ("can't open user config file", Stage::Resolve),
    ("host key verification failed", Stage::HostKey),
    ("remote host identification has changed", Stage::HostKey),
    ("host key is known for", Stage::HostKey),
    ("unable to negotiate", Stage::HostKey),
    ("permission denied (", Stage::Authenticate),
    ("too many authentication failures", Stage::Authenticate),
    ("banner exchange", Stage::Banner),
    ("exchange_identification", Stage::Banner),
    ("kex_exchange", Stage::Banner),
    ("connection refused", Stage::Connect),
    ("no route to host", Stage::Connect),
    ("network is unreachable", Stage::Connect),
    ("connection timed out", Stage::Connect),
    ("operation timed out", Stage::Connect),
    ("connect to host", Stage::Connect),
];

/// Words of a program that should have made the login user root and did not.
const NOT_ROOT: [&str; 6] = [
    "a password is required",
    "a terminal is required",
    "is not in the sudoers",
    "may not run sudo",
    "authentication required",
    "operation not permitted",
];

/// How far ssh came.
#[derive(Debug, Default)]
pub(super) struct Progress {
    stage: Option<Stage>,
    /// How many jump hosts there are.
    hops: usize,
    /// Those that let us in, the last one by name.
    passed: (usize, String),
    /// The kind and the fingerprint of the last key that was shown.
    shown: String,
}

impl Progress {
    /// Takes note of a line of ssh; says whether it tells of progress.
    pub(super) fn observe(&mut self, line: &str) -> bool {
        let Some((mark, stage)) = MARKS.iter().find(|(mark, _)| line.starts_with(mark)) else {
            return false;
        };
        self.stage = Some(*stage);
        if line.starts_with("debug1: Executing proxy command") {
            self.hops += 1;
        }
        if *stage == Stage::HostKey {
            let shown = line.strip_prefix(mark).unwrap_or_default();
            shown.trim().clone_into(&mut self.shown);
        }
        if *stage == Stage::Start && self.passed.0 < self.hops {
            let rest = line.strip_prefix(mark).unwrap_or_default();
            let name = rest.split(' ').next().unwrap_or_default();
            self.passed = (self.passed.0 + 1, name.to_owned());
            // A jump host let us in; the next one has to be reached from there.
            self.stage = Some(Stage::Connect);
        }
        true
    }

    /// The stage it is at.
    pub(super) fn stage(&self) -> Stage {
        self.stage.unwrap_or(Stage::Resolve)
    }

    /// How far it came among jump hosts, in words, where there are any.
    fn way(&self) -> Option<String> {
        let (passed, name) = &self.passed;
        match (*passed, self.hops) {
            (_, 0) => None,
            (0, _) => Some("no jump host was passed".to_owned()),
            _ => Some(format!("the last jump host passed is `{name}`")),
        }
    }
}

/// Tells at which stage a connection failed that came this far, and why. The first line that ssh
/// has a stage for counts: on the way over jump hosts it is theirs that failed first.
pub(super) fn refusal(words: &str, progress: &Progress, late: bool) -> (Stage, String) {
    let said = words.to_ascii_lowercase();
    let stage = said.lines().find_map(|line| {
        let known = STAGES.iter().find(|(words, _)| line.contains(words));
        known.map(|(_, stage)| *stage)
    });
    let stage = stage.unwrap_or(progress.stage());
    let mut account = host_key(words, &progress.shown).unwrap_or_else(|| account(words, late));
    let notes = [advice(stage, &said).map(str::to_owned), progress.way()];
    for note in notes.into_iter().flatten() {
        account = format!("{account}; {note}");
    }
    (stage, account)
}

/// What is wrong with a machine's key, without what ssh says to frighten people.
fn host_key(words: &str, shown: &str) -> Option<String> {
    let line = |begin: &str| {
        words
            .lines()
            .map(str::trim)
            .find(|line| line.starts_with(begin))
    };
    if let Some(offending) = line("Offending ") {
        let remove = line("ssh-keygen ").unwrap_or("remove that line");
        return Some(format!(
            "{offending} does not fit: it shows {shown}. Was it set up anew? Then: {remove}. \
             If not, somebody may stand in between"
        ));
    }
    let known = words
        .lines()
        .find(|line| line.contains("host key is known for"))?;
    let known = known.split(" and you have").next().unwrap_or(known);
    Some(format!(
        "{known}: it shows {shown}. Is that its own? Then log in once by hand, pin it in the plan \
         (`host-key`), or let `host-keys` be \"accept-new\""
    ))
}

/// What ssh does not say of a refusal.
fn advice(stage: Stage, said: &str) -> Option<&'static str> {
    match stage {
        Stage::Authenticate if said.contains("permission denied (") => Some(
            "a key that it takes has to be in an agent, in ssh's configuration, or named by \
             `identity` in the plan",
        ),
        Stage::Banner if said.contains("timed out") => {
            Some("it takes connections and says nothing: it may be frozen or overloaded")
        }
        _ => None,
    }
}

/// Tells why no shell answered over a connection that stands.
pub(super) fn diagnose(words: &str, late: bool, becoming: Option<BecomeMethod>) -> Failure {
    let said = words.to_ascii_lowercase();
    if let Some(program) = becoming.map(BecomeMethod::as_str) {
        if said.contains(&format!("{program}: not found"))
            || said.contains(&format!("{program}: command not found"))
        {
            return Failure::Unfit(program.to_owned());
        }
        if said.contains(&format!("{program}: "))
            && NOT_ROOT.iter().any(|words| said.contains(words))
        {
            let way_out = match becoming {
                Some(BecomeMethod::Sudo) => {
                    "let the machine's sudoers say NOPASSWD, or give the password: `become` of the \
                     plan, or --ask-become-password"
                }
                _ => "let the machine's doas.conf say `permit nopass`",
            };
            return Failure::Unreachable {
                stage: Stage::Become,
                reason: format!("{}; {way_out}", reason(words)),
                sent: false,
            };
        }
    }
    Failure::Unreachable {
        stage: Stage::Start,
        reason: account(words, late),
        sent: true,
    }
}

/// ssh's words for a person, or what stands for them where it said nothing.
fn account(words: &str, late: bool) -> String {
    match (reason(words), late) {
        (said, false) if said.is_empty() => "it ended without a word".to_owned(),
        (said, true) if said.is_empty() => "no answer in time".to_owned(),
        (said, false) => said,
        (said, true) => format!("no answer in time; {said}"),
    }
}

/// What ssh says that tells a person nothing, in small letters.
const NOISE: [&str; 4] = [
    "@",
    "openssh_",
    "stdio forwarding failed",
    "connection closed by unknown port",
];

/// ssh's words without its frames of `@` and what it says twice, on one line.
pub(super) fn reason(words: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for line in words.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let said = line.to_ascii_lowercase();
        // Where a jump host could not go on, those behind it say only that they heard nothing.
        let echo =
            said.starts_with("kex_exchange_identification: connection closed") && !kept.is_empty();
        if !echo && !NOISE.iter().any(|noise| said.starts_with(noise)) && !kept.contains(&line) {
            kept.push(line);
        }
    }
    kept.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stage(words: &str) -> Stage {
        refusal(words, &Progress::default(), false).0
    }

    #[test]
    fn knows_the_stage_from_the_words() {
        for (words, wanted) in [
            (
                "ssh: Could not resolve hostname m9: Name or service not known",
                Stage::Resolve,
            ),
            (
                "ssh: connect to host 10.0.0.1 port 22: Connection refused",
                Stage::Connect,
            ),
            (
                "ssh: connect to host 10.0.0.1 port 22: Connection timed out",
                Stage::Connect,
            ),
            (
                "Connection timed out during banner exchange\nConnection to 10.0.0.1 port 22 timed out",
                Stage::Banner,
            ),
            (
                "kex_exchange_identification: Connection closed by remote host",
                Stage::Banner,
            ),
            (
                "No ED25519 host key is known for m1 and you have requested strict checking.\nHost key verification failed.",
                Stage::HostKey,
            ),
            (
                "root@m1: Permission denied (publickey,password).",
                Stage::Authenticate,
            ),
        ] {
            assert_eq!(stage(words), wanted, "{words}");
        }
    }

    #[test]
    fn keeps_the_line_that_names_the_offending_key() {
        let words = "@@@@@@@\n@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\n@@@@@@@\n\
                     Offending ED25519 key in /home/a/.ssh/known_hosts:3\nHost key verification failed.";
        let (stage, reason) = refusal(words, &Progress::default(), false);
        assert_eq!(stage, Stage::HostKey);
        assert!(reason.starts_with("Offending ED25519 key in /home/a/.ssh/known_hosts:3"));
        let words = "No ED25519 host key is known for m1 and you have requested strict checking.\n\
                     Host key verification failed.";
        let mut progress = Progress::default();
        progress.observe("debug1: Server host key: ssh-ed25519 SHA256:abc");
        let (_, reason) = refusal(words, &progress, false);
        assert!(
            reason.starts_with(
                "No ED25519 host key is known for m1: it shows ssh-ed25519 SHA256:abc."
            ),
            "{reason}"
        );
    }

    #[test]
    fn tells_a_needed_password_from_a_lost_machine() {
        let words = "sudo: a password is required";
        let failure = diagnose(words, false, Some(BecomeMethod::Sudo));
        let Failure::Unreachable {
            stage: Stage::Become,
            reason,
            sent: false,
        } = failure
        else {
            panic!()
        };
        assert!(reason.contains("--ask-become-password"), "{reason}");
        let words = "sh: 1: exec: sudo: not found";
        let failure = diagnose(words, false, Some(BecomeMethod::Sudo));
        assert!(matches!(failure, Failure::Unfit(what) if what == "sudo"));
    }

    #[test]
    fn follows_ssh_from_stage_to_stage() {
        let mut progress = Progress::default();
        assert_eq!(progress.stage(), Stage::Resolve);
        for (line, wanted) in [
            (
                "debug1: Reading configuration data /etc/ssh/ssh_config",
                Stage::Resolve,
            ),
            (
                "debug1: Connecting to 10.0.0.1 [10.0.0.1] port 22.",
                Stage::Connect,
            ),
            ("debug1: Connection established.", Stage::Banner),
            (
                "debug1: Remote protocol version 2.0, remote software version x",
                Stage::Banner,
            ),
            (
                "debug1: Server host key: ssh-ed25519 SHA256:x",
                Stage::HostKey,
            ),
            ("debug1: SSH2_MSG_NEWKEYS received", Stage::Authenticate),
            (
                "Authenticated to 10.0.0.1 ([10.0.0.1]:22) using \"publickey\".",
                Stage::Start,
            ),
        ] {
            progress.observe(line);
            assert_eq!(progress.stage(), wanted, "{line}");
        }
        assert_eq!(refusal("", &progress, true).0, Stage::Start);
    }

    #[test]
    fn a_machine_that_closes_the_connection_does_it_where_ssh_had_come_to() {
        let words = "Connection closed by 10.0.0.1 port 22";
        for stage in [Stage::Authenticate, Stage::Banner] {
            let progress = Progress {
                stage: Some(stage),
                ..Progress::default()
            };
            assert_eq!(refusal(words, &progress, false).0, stage);
        }
    }

    #[test]
    fn counts_the_jump_hosts_that_let_us_in() {
        let mut progress = Progress::default();
        let hop = "debug1: Executing proxy command: exec ssh -v -W '[m4]:22' m3";
        for line in [hop, hop] {
            progress.observe(line);
        }
        assert_eq!(progress.way().unwrap(), "no jump host was passed");
        for (line, wanted) in [
            (
                "debug1: Connecting to m1 [10.0.0.1] port 22.",
                Stage::Connect,
            ),
            (
                "debug1: Remote protocol version 2.0, remote software version x",
                Stage::Banner,
            ),
            (
                "Authenticated to m1 ([10.0.0.1]:22) using \"publickey\".",
                Stage::Connect,
            ),
            (
                "debug1: Remote protocol version 2.0, remote software version x",
                Stage::Banner,
            ),
            (
                "Authenticated to m2 (via proxy) using \"publickey\".",
                Stage::Connect,
            ),
        ] {
            progress.observe(line);
            assert_eq!(progress.stage(), wanted, "{line}");
        }
        let (stage, reason) = refusal("", &progress, true);
        assert_eq!(stage, Stage::Connect);
        assert!(reason.contains("passed is `m2`"), "{reason}");
        progress.observe("Authenticated to m4 (via proxy) using \"publickey\".");
        assert_eq!(progress.stage(), Stage::Start);
    }

    #[test]
    fn names_the_hop_that_failed_first() {
        let words = "ssh: connect to host b port 22: Connection refused\n\
                     kex_exchange_identification: Connection closed by remote host\n\
                     Connection closed by UNKNOWN port 65535";
        let (stage, reason) = refusal(words, &Progress::default(), false);
        assert_eq!(stage, Stage::Connect);
        assert_eq!(reason, "ssh: connect to host b port 22: Connection refused");
    }
}
