//! What of a Rust file runs in a deployment: its lines without comments and without its tests.

/// Gives each line with its number, from 1, up to the tests at the end of the file.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let tests = text.find("\n#[cfg(test)]\nmod tests").unwrap_or(text.len());
    let code = text.get(..tests).unwrap_or(text);
    code.lines()
        .enumerate()
        .map(|(index, line)| (index + 1, without_comment(line)))
}

/// Cuts off a comment; `//` inside a string, as in an address, is none.
fn without_comment(line: &str) -> &str {
    let mut inside = false;
    let mut previous = ' ';
    for (at, c) in line.char_indices() {
        match c {
            '"' if previous != '\\' => inside = !inside,
            '/' if previous == '/' && !inside => return line.get(..at - 1).unwrap_or(line),
            _ => {}
        }
        previous = c;
    }
    line
}

/// Tells whether a word stands in a line, and not only as a part of a longer one.
pub(crate) fn has_word(line: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let before = line.get(..at).and_then(|before| before.chars().last());
        let after = line
            .get(at + word.len()..)
            .and_then(|after| after.chars().next());
        !before.is_some_and(part) && !after.is_some_and(part)
    })
}

#[test]
fn leaves_out_comments_and_tests() {
    let text = "a(); // b\n/// c\nd(\"http://e\");\n#[cfg(test)]\nmod tests { f() }\n";
    let lines: Vec<_> = lines(text).collect();
    assert_eq!(lines, [(1, "a(); "), (2, ""), (3, "d(\"http://e\");")]);
}

#[test]
fn finds_whole_words_only() {
    assert!(has_word("use x::{Request, Reply};", "Request"));
    assert!(!has_word("RequestError, a_Request", "Request"));
}
