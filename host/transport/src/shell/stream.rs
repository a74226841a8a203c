//! Telling marks from data in what a machine sends.
//!
//! A mark is `<nonce> <words>` and a line end, wherever it stands. The nonce is made for one
//! request and never reaches a program on the machine, so nothing that a program writes can be
//! taken for a mark.

/// The longest words of a mark.
const LONGEST: usize = 4096;

/// Takes a stream apart as it comes.
#[derive(Debug)]
pub(super) struct Scanner {
    needle: Vec<u8>,
    pending: Vec<u8>,
}

/// What comes out of a [`Scanner`].
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// Bytes that are no mark. Never empty.
    Data(Vec<u8>),
    /// The words of a mark.
    Mark(String),
}

/// A mark that no honest machine sends.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Overlong;

impl Scanner {
    /// Begins to look for marks with this nonce.
    pub(super) fn new(nonce: &str) -> Self {
        Self {
            needle: format!("{nonce} ").into_bytes(),
            pending: Vec::new(),
        }
    }

    /// Takes the next bytes and gives every piece that is complete by now.
    pub(super) fn feed(&mut self, bytes: &[u8], pieces: &mut Vec<Piece>) -> Result<(), Overlong> {
        self.pending.extend_from_slice(bytes);
        let mut rest = self.pending.as_slice();
        let mut data = Vec::new();
        while let Some((before, mark)) = split_at_candidate(rest, &self.needle) {
            data.extend_from_slice(before);
            rest = mark;
            let Some(words) = mark.strip_prefix(self.needle.as_slice()) else {
                break;
            };
            let Some(end) = words.iter().position(|byte| *byte == b'\n') else {
                if words.len() > LONGEST {
                    return Err(Overlong);
                }
                break;
            };
            if end > LONGEST {
                return Err(Overlong);
            }
            let (words, after) = words.split_at(end);
            if !data.is_empty() {
                pieces.push(Piece::Data(std::mem::take(&mut data)));
            }
            pieces.push(Piece::Mark(String::from_utf8_lossy(words).into_owned()));
            rest = after.get(1..).unwrap_or_default();
        }
        if !data.is_empty() {
            pieces.push(Piece::Data(data));
        }
        self.pending = rest.to_vec();
        Ok(())
    }
}

/// Splits before the first place where the needle stands, or where it may stand once more has
/// come. None, with nothing left over, is told by an empty second half.
fn split_at_candidate<'a>(bytes: &'a [u8], needle: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    if bytes.is_empty() {
        return None;
    }
    let first = *needle.first()?;
    let mut from = 0;
    while let Some(found) = bytes
        .get(from..)
        .and_then(|rest| rest.iter().position(|byte| *byte == first))
    {
        let (before, candidate) = bytes.split_at(from + found);
        let shared = candidate.len().min(needle.len());
        if candidate.get(..shared) == needle.get(..shared) {
            return Some((before, candidate));
        }
        from += found + 1;
    }
    Some((bytes, &[]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scan(nonce: &str, chunks: &[&[u8]]) -> Vec<Piece> {
        let mut scanner = Scanner::new(nonce);
        let mut pieces = Vec::new();
        for chunk in chunks {
            scanner.feed(chunk, &mut pieces).unwrap();
        }
        let mut joined: Vec<Piece> = Vec::new();
        for piece in pieces {
            match (joined.last_mut(), piece) {
                (Some(Piece::Data(last)), Piece::Data(more)) => last.extend(more),
                (_, piece) => joined.push(piece),
            }
        }
        joined
    }

    #[test]
    fn finds_a_mark_that_comes_in_two_pieces() {
        let pieces = scan("abc", &[b"x\nab", b"c end", b" 0\ny"]);
        assert_eq!(
            pieces,
            [
                Piece::Data(b"x\n".to_vec()),
                Piece::Mark("end 0".into()),
                Piece::Data(b"y".to_vec())
            ]
        );
    }

    #[test]
    fn takes_another_nonce_for_data() {
        let pieces = scan("abc", &[b"\nabd end 0\nabc end 1\n"]);
        assert_eq!(
            pieces,
            [
                Piece::Data(b"\nabd end 0\n".to_vec()),
                Piece::Mark("end 1".into())
            ]
        );
    }

    #[test]
    fn refuses_a_mark_without_end() {
        let mut scanner = Scanner::new("n");
        let long = [b"n ".to_vec(), vec![b'x'; LONGEST + 1]].concat();
        assert_eq!(scanner.feed(&long, &mut Vec::new()), Err(Overlong));
    }

    proptest! {
        #[test]
        fn loses_no_byte_however_it_is_cut(
            before in prop::collection::vec(prop::sample::select(b"\nn e".to_vec()), 0..60),
            after in prop::collection::vec(prop::sample::select(b"\nn0 exyz".to_vec()), 0..60),
            cut in 1..20_usize,
        ) {
            let nonce = "n0n";
            let mut whole = before.clone();
            whole.extend_from_slice(b"n0n end ok\n");
            whole.extend_from_slice(&after);
            whole.extend_from_slice(b"n0n last\n");
            let pieces = scan(nonce, &whole.chunks(cut).collect::<Vec<_>>());
            let mut again = Vec::new();
            for piece in &pieces {
                match piece {
                    Piece::Data(data) => again.extend_from_slice(data),
                    Piece::Mark(words) => again.extend(format!("{nonce} {words}\n").bytes()),
                }
            }
            prop_assert!(pieces.contains(&Piece::Mark("end ok".into())));
            prop_assert_eq!(again, whole);
        }

        #[test]
        fn keeps_nothing_but_a_possible_mark(bytes in prop::collection::vec(any::<u8>(), 0..4000)) {
            let mut scanner = Scanner::new("0123456789abcdef0123456789abcdef");
            let mut pieces = Vec::new();
            scanner.feed(&bytes, &mut pieces).unwrap();
            prop_assert!(scanner.pending.len() < 40);
        }
    }
}
