//! How far ssh came, told from its own words.

use cellhost_plan::BecomeMethod;

use crate::Stage;
use crate::shell::Failure;

/// Words of ssh, in small letters, and the stage at which it says them. The first match counts.
const STAGES: [(&str, Stage); 22] = [
    ("could not resolve hostname", Stage::Resolve),
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
    ("connection reset by", Stage::Banner),
    ("connection closed by unknown", Stage::Banner),
    ("connection closed by", Stage::Authenticate),
    ("received disconnect", Stage::Authenticate),
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

/// Tells why no shell answered. `authenticated` says whether the connection itself stands, where
/// that is known.
pub(super) fn diagnose(
    words: &str,
    late: bool,
    authenticated: Option<bool>,
    becoming: Option<BecomeMethod>,
) -> Failure {
    let said = words.to_ascii_lowercase();
    if let Some(program) = becoming.map(BecomeMethod::as_str) {
        if said.contains(&format!("{program}: "))
            && NOT_ROOT.iter().any(|words| said.contains(words))
        {
            return Failure::Unfit(format!("{program} without a password"));
        }
        if said.contains(&format!("{program}: not found"))
            || said.contains(&format!("{program}: command not found"))
        {
            return Failure::Unfit(program.to_owned());
        }
    }
    let stage = STAGES
        .iter()
        .find(|(words, _)| said.contains(words))
        .map(|(_, stage)| *stage);
    // ssh gives nothing to a machine before that machine has let it in.
    let sent = match (stage, authenticated) {
        (_, Some(authenticated)) => authenticated,
        (Some(Stage::Banner | Stage::Authenticate) | None, None) => true,
        (Some(_), None) => false,
    };
    let stage = match (stage, authenticated) {
        (Some(stage), _) => stage,
        (None, Some(true)) => Stage::Start,
        (None, _) if late => Stage::Authenticate,
        (None, _) => Stage::Start,
    };
    let reason = reason(words, late);
    Failure::Unreachable {
        stage,
        reason,
        sent,
    }
}

/// ssh's words without its frames of `@`, on one line.
fn reason(words: &str, late: bool) -> String {
    let lines = words
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('@'));
    let mut reason = lines.collect::<Vec<_>>().join("; ");
    if late {
        reason = format!("no answer in time; {reason}");
    }
    let reason = reason.trim_end_matches("; ");
    if reason.is_empty() {
        "it ended without a word".to_owned()
    } else {
        reason.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stage(words: &str) -> Stage {
        match diagnose(words, false, Some(false), None) {
            Failure::Unreachable { stage, sent, .. } => {
                assert!(!sent);
                stage
            }
            Failure::Unfit(what) => panic!("{what}"),
        }
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
            ("This account is currently not available.", Stage::Start),
        ] {
            assert_eq!(stage(words), wanted, "{words}");
        }
    }

    #[test]
    fn keeps_the_line_that_names_the_offending_key() {
        let words = "@@@@@@@\n@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\n@@@@@@@\n\
                     Offending ED25519 key in /home/a/.ssh/known_hosts:3\nHost key verification failed.";
        let Failure::Unreachable { stage, reason, .. } = diagnose(words, false, None, None) else {
            panic!()
        };
        assert_eq!(stage, Stage::HostKey);
        assert!(reason.starts_with("Offending ED25519 key in /home/a/.ssh/known_hosts:3"));
    }

    #[test]
    fn tells_a_needed_password_from_a_lost_machine() {
        let failure = diagnose(
            "sudo: a password is required",
            false,
            Some(true),
            Some(BecomeMethod::Sudo),
        );
        assert!(matches!(failure, Failure::Unfit(what) if what == "sudo without a password"));
    }

    #[test]
    fn a_silent_machine_is_authenticating_until_the_connection_stands() {
        for (authenticated, wanted, doubt) in [
            (Some(false), Stage::Authenticate, false),
            (Some(true), Stage::Start, true),
            (None, Stage::Authenticate, true),
        ] {
            let Failure::Unreachable { stage, sent, .. } = diagnose("", true, authenticated, None)
            else {
                panic!()
            };
            assert_eq!((stage, sent), (wanted, doubt));
        }
    }

    #[test]
    fn knows_that_nothing_was_sent_where_nothing_was_reached() {
        let failure = diagnose(
            "ssh: connect to host m1 port 22: Connection refused",
            false,
            None,
            None,
        );
        assert!(matches!(failure, Failure::Unreachable { sent: false, .. }));
    }
}
