//! Only the transport starts ssh.

use crate::code;
use crate::excuse::{Excuse, excused};
use crate::tree::Tree;
use crate::violation::{Violation, assert_none};

/// The programs of ssh. Whoever writes such a word as a whole string is about to start one.
const PROGRAMS: [&str; 7] = [
    "scp",
    "sftp",
    "ssh",
    "ssh-add",
    "ssh-keygen",
    "ssh-keyscan",
    "sshpass",
];

const ROOM: &str = "host/transport/";

const EXCUSES: &[Excuse] = &[
    Excuse {
        file: "host/lab/src/ssh.rs",
        reason: "a lab makes the keys by which the transport reaches its machines",
    },
    Excuse {
        file: "host/lab/src/lab/reach.rs",
        reason: "`cellhost lab ssh` becomes ssh for a person to type into; no effect goes there",
    },
    Excuse {
        file: "host/lab/src/prerequisites.rs",
        reason: "it looks whether ssh is installed and starts nothing",
    },
    Excuse {
        file: "xtask/src/bench/report.rs",
        reason: "it asks ssh for its version",
    },
    Excuse {
        file: "xtask/src/bench/scale/village.rs",
        reason: "it makes the keys of an sshd of its own; who goes there is cellhost",
    },
    Excuse {
        file: "xtask/src/demo.rs",
        reason: "a verb of `cellhost lab`, which it calls to ask the cluster itself",
    },
    Excuse {
        file: "xtask/src/setup.rs",
        reason: "it looks whether ssh is installed and starts nothing",
    },
    Excuse {
        file: "host/plan/src/plan.rs",
        reason: "`ssh` is a key of the plan",
    },
];

fn check(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (file, text) in tree.texts() {
        if !file.ends_in(".rs") || file.is_test() || file.path.starts_with(ROOM) {
            continue;
        }
        for (number, line) in code::lines(text) {
            if let Some(program) = started(line) {
                let rule = format!("`{program}` may be started by the transport alone");
                let remedy = "ask a machine through the effects; they have a courier";
                violations.push(Violation::of_file(&file.path, rule, remedy).at(number));
            }
        }
    }
    violations
}

fn started(line: &str) -> Option<&'static str> {
    let is_named = |program: &&str| {
        // As a word of its own, at the end of a program's path, or before arguments.
        line.contains(&format!("\"{program}\""))
            || line.contains(&format!("bin/{program}\""))
            || line.contains(&format!("\"{program} -"))
    };
    PROGRAMS.into_iter().find(is_named)
}

#[test]
fn only_the_transport_starts_ssh() {
    let found = check(&Tree::of_repository().unwrap());
    assert_none(&excused(found, EXCUSES, "tests/tests/tidy/ssh.rs"));
}

#[test]
fn refuses_ssh_started_elsewhere() {
    for line in [
        "Command::new(\"ssh\")",
        "const PROGRAM: &str = \"scp\";",
        "run([\"/usr/bin/ssh\", \"m1\"])",
        "sh(\"ssh -p 22 m1\")",
    ] {
        let found = |path| check(&Tree::of(&[(path, line)])).len();
        assert_eq!(found("host/engine/src/x.rs"), 1, "{line}");
        assert_eq!(found("host/transport/src/x.rs"), 0, "{line}");
    }
    let prose = "/// Runs \"ssh\".\nlet words = \"ssh says\";";
    assert!(check(&Tree::of(&[("host/engine/src/x.rs", prose)])).is_empty());
}
