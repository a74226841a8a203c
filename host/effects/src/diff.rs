//! The difference of a file's content, as it may be shown.

use std::fmt::Write as _;

use similar::{ChangeTag, TextDiff};

/// Lines of context around a change.
const CONTEXT: usize = 2;

/// The difference in unified form, or a word about it where the content is no text.
///
/// `shown` is the new content without its secrets, line for line, where there are any. A removed
/// line of such a file may hold an older value that nobody knows any more, so it is not shown.
pub(crate) fn diff(path: &str, before: Option<&[u8]>, after: &[u8], shown: Option<&str>) -> String {
    let old = std::str::from_utf8(before.unwrap_or_default());
    let (Ok(old), Ok(new)) = (old, std::str::from_utf8(after)) else {
        return format!("binary file, now {} bytes", after.len());
    };
    let shown_lines: Option<Vec<&str>> = shown.map(|text| text.lines().collect());
    if shown_lines
        .as_ref()
        .is_some_and(|lines| lines.len() != new.lines().count())
    {
        return "not shown: a secret in it has several lines".to_owned();
    }
    let difference = TextDiff::from_lines(old, new);
    let mut text = format!(
        "--- {}\n+++ {path}\n",
        if before.is_some() { path } else { "/dev/null" }
    );
    for hunk in difference
        .unified_diff()
        .context_radius(CONTEXT)
        .iter_hunks()
    {
        let _ = writeln!(text, "{}", hunk.header());
        for change in hunk.iter_changes() {
            let safe = shown_lines.as_ref().map(|lines| {
                let place = change.new_index();
                place
                    .and_then(|place| lines.get(place))
                    .copied()
                    .unwrap_or(HIDDEN)
            });
            let sign = match change.tag() {
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
                ChangeTag::Equal => ' ',
            };
            let line = safe.unwrap_or_else(|| change.value().trim_end_matches('\n'));
            text.push(sign);
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

const HIDDEN: &str = "[not shown: it may hold a secret]";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_what_comes_and_what_goes() {
        let text = diff("/etc/x", Some(b"a\nb\n"), b"a\nc\n", None);
        assert_eq!(
            text,
            "--- /etc/x\n+++ /etc/x\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n"
        );
    }

    #[test]
    fn says_that_there_was_nothing_before() {
        let text = diff("/etc/x", None, b"a\n", None);
        assert_eq!(text, "--- /dev/null\n+++ /etc/x\n@@ -0,0 +1 @@\n+a\n");
    }

    #[test]
    fn shows_neither_the_new_secret_nor_an_old_one() {
        let shown = "port 1\npass [secret:p]\n";
        let text = diff(
            "/etc/x",
            Some(b"port 1\npass before\n"),
            b"port 1\npass after\n",
            Some(shown),
        );
        assert!(
            !text.contains("before") && !text.contains("after"),
            "{text}"
        );
        assert!(
            text.contains("+pass [secret:p]") && text.contains(" port 1"),
            "{text}"
        );
    }

    #[test]
    fn does_not_show_bytes() {
        assert_eq!(
            diff("/x", None, &[0xff, 0xfe], None),
            "binary file, now 2 bytes"
        );
    }
}
