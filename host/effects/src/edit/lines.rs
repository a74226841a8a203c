use std::borrow::Cow;

/// A text as lines that keep their ends.
#[derive(Debug, Clone)]
pub(super) struct Lines<'a> {
    list: Vec<Line<'a>>,
    /// Whether the last line ends with a line end.
    closed: bool,
    /// How new lines end.
    usual: End,
}

#[derive(Debug, Clone)]
struct Line<'a> {
    text: Cow<'a, [u8]>,
    /// None for a last line without one.
    end: Option<End>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Feed,
    ReturnFeed,
}

impl<'a> Lines<'a> {
    /// Takes a text apart.
    pub(super) fn of(text: &'a [u8]) -> Self {
        let mut list = Vec::new();
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            let (text, end) = match (line.strip_suffix(b"\r\n"), line.strip_suffix(b"\n")) {
                (Some(text), _) => (text, Some(End::ReturnFeed)),
                (None, Some(text)) => (text, Some(End::Feed)),
                (None, None) => (line, None),
            };
            let text = Cow::Borrowed(text);
            list.push(Line { text, end });
        }
        let closed = list.last().is_none_or(|line| line.end.is_some());
        let usual = list.first().and_then(|line| line.end).unwrap_or(End::Feed);
        Self {
            list,
            closed,
            usual,
        }
    }

    /// Puts it together again.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let last = self.list.len().saturating_sub(1);
        for (at, line) in self.list.iter().enumerate() {
            bytes.extend_from_slice(&line.text);
            // An empty last line is there only by its end.
            if at < last || self.closed || line.text.is_empty() {
                bytes.extend_from_slice(match line.end.unwrap_or(self.usual) {
                    End::Feed => b"\n",
                    End::ReturnFeed => b"\r\n",
                });
            }
        }
        bytes
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    /// The lines in order, without their ends.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &[u8]> + ExactSizeIterator {
        self.list.iter().map(|line| line.text.as_ref())
    }

    /// Gives a line another text.
    pub(super) fn set(&mut self, at: usize, text: Vec<u8>) {
        if let Some(line) = self.list.get_mut(at) {
            line.text = Cow::Owned(text);
        }
    }

    /// Puts a new line before the one at this place, or to the end.
    pub(super) fn insert(&mut self, at: usize, text: Vec<u8>) {
        let line = Line {
            text: Cow::Owned(text),
            end: Some(self.usual),
        };
        self.list.insert(at.min(self.list.len()), line);
    }

    /// Drops the lines at these places.
    pub(super) fn remove(&mut self, places: &[usize]) {
        let mut at = 0..;
        self.list
            .retain(|_| at.next().is_none_or(|at| !places.contains(&at)));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text() -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(prop::sample::select(b"ab\r\n\xff".to_vec()), 0..40)
    }

    proptest! {
        #[test]
        fn puts_together_what_it_took_apart(text in text()) {
            prop_assert_eq!(Lines::of(&text).into_bytes(), text);
        }

        #[test]
        fn keeps_whether_the_last_line_is_closed(text in text()) {
            let mut lines = Lines::of(&text);
            let count = lines.len();
            lines.insert(count, b"new".to_vec());
            let bytes = lines.into_bytes();
            let closed = text.is_empty() || text.ends_with(b"\n");
            prop_assert_eq!(bytes.ends_with(b"\n"), closed);
            prop_assert_eq!(Lines::of(&bytes).len(), count + 1);
        }
    }

    #[test]
    fn ends_new_lines_as_the_file_does() {
        let mut lines = Lines::of(b"a\r\nb");
        lines.insert(2, b"c".to_vec());
        lines.insert(0, b"z".to_vec());
        assert_eq!(lines.into_bytes(), b"z\r\na\r\nb\r\nc");
    }
}
