//! One way to put arbitrary bytes into shell text.

/// Quotes bytes so that a shell reads them as one word. None where there is a NUL, which no
/// argument can hold.
pub(crate) fn quote(bytes: &[u8]) -> Option<Vec<u8>> {
    if bytes.contains(&0) {
        return None;
    }
    let mut quoted = Vec::with_capacity(bytes.len() + 2);
    quoted.push(b'\'');
    for byte in bytes {
        match byte {
            b'\'' => quoted.extend_from_slice(b"'\\''"),
            _ => quoted.push(*byte),
        }
    }
    quoted.push(b'\'');
    Some(quoted)
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use proptest::prelude::*;

    use super::quote;

    fn read_by(shell: &[&str], words: &[Vec<u8>]) -> Vec<u8> {
        use std::io::Write as _;
        let mut script = b"printf '%s\\0'".to_vec();
        for word in words {
            script.push(b' ');
            script.extend(quote(word).unwrap());
        }
        script.push(b'\n');
        let mut child = Command::new(shell[0])
            .args(&shell[1..])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(&script).unwrap();
        child.wait_with_output().unwrap().stdout
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn every_shell_reads_back_what_was_quoted(
            words in prop::collection::vec(prop::collection::vec(1..=255_u8, 0..200), 1..20)
        ) {
            let mut wanted = words.join(&0);
            wanted.push(0);
            for shell in [&["dash"][..], &["busybox", "sh"], &["bash", "--posix"]] {
                prop_assert_eq!(&read_by(shell, &words), &wanted, "{:?}", shell);
            }
        }
    }

    #[test]
    fn refuses_what_no_argument_can_hold() {
        assert_eq!(quote(b"a\0b"), None);
    }
}
