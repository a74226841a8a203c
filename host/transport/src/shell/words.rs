//! A machine's own words, made fit for a person.

/// The longest words that are passed on.
const LONGEST: usize = 4096;

/// Gives the end of what a machine wrote as text: no control characters, no blank edges.
pub(crate) fn tail(bytes: &[u8]) -> String {
    let from = bytes.len().saturating_sub(LONGEST);
    let text = String::from_utf8_lossy(bytes.get(from..).unwrap_or_default());
    let clean: String = text
        .chars()
        .filter(|c| *c == '\n' || *c == '\t' || !c.is_control())
        .collect();
    clean.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::tail;

    #[test]
    fn leaves_out_what_could_write_on_a_terminal() {
        assert_eq!(tail(b"\n a\x1b[31mred\x07\r\n"), "a[31mred");
    }
}
