//! The shell that works on a machine, once nobody reads what it writes.

use std::io::Write as _;
use std::process::{Command, Stdio};

#[test]
fn clears_away_what_it_began_when_nobody_hears_it_any_more() {
    for shell in [&["dash"][..], &["bash", "--posix"], &["busybox", "sh"]] {
        let place = tempfile::tempdir().unwrap();
        let begun = place.path().join("begun");
        let [program, words @ ..] = shell else {
            continue;
        };
        let mut child = Command::new(program)
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // The way back is lost, the way there is not yet.
        drop(child.stdout.take());
        let script = format!(
            "{}ch_t='{}'\n: >\"$ch_t\"\nch_mark one\nch_mark two\nsleep 20\n",
            include_str!("../src/shell/core.sh"),
            begun.display()
        );
        let mut way = child.stdin.take().unwrap();
        way.write_all(script.as_bytes()).unwrap();
        let status = child.wait().unwrap();
        assert!(!begun.exists(), "{shell:?}: {status}");
        assert_eq!(status.code(), Some(143), "{shell:?}: {status}");
    }
}
