//! What machines write while effects are under way, line by line.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cellhost_transport::{Echo, Stream};

/// The longest line that is passed on. Whole lines only: a part of one could hold a part of a
/// secret.
const LONGEST: usize = 4096;

type Ear = dyn Fn(Stream, &str) + Send + Sync;

/// Hears the lines that commands and settlings write before they end.
#[derive(Clone, Default)]
pub struct Listener(Option<Arc<Ear>>);

impl Listener {
    /// One that passes on what it hears. Called from within the effect, so it must be quick.
    pub fn new(ear: impl Fn(Stream, &str) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(ear)))
    }

    /// One that hears every line after it was changed.
    pub fn after(self, change: impl Fn(&mut String) + Send + Sync + 'static) -> Self {
        match self.0 {
            None => Self(None),
            Some(ear) => Self::new(move |stream, line| {
                let mut line = line.to_owned();
                change(&mut line);
                ear(stream, &line);
            }),
        }
    }
}

impl std::fmt::Debug for Listener {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Listener")
    }
}

/// Makes lines of what one effect writes. What has no line end counts as a line when dropped.
pub(crate) struct Lines {
    ear: Option<Arc<Ear>>,
    begun: Arc<Mutex<[Line; 2]>>,
}

#[derive(Default)]
struct Line {
    bytes: Vec<u8>,
    overlong: bool,
}

impl Lines {
    /// For a listener.
    pub(crate) fn new(listener: &Listener) -> Self {
        Self {
            ear: listener.0.clone(),
            begun: Arc::default(),
        }
    }

    /// An ear for raw bytes.
    pub(crate) fn echo(&self) -> Echo {
        let Some(ear) = self.ear.clone() else {
            return Echo::default();
        };
        let begun = self.begun.clone();
        Echo::new(move |stream, bytes| {
            let mut begun = held(&begun);
            let [output, errors] = &mut *begun;
            let line = match stream {
                Stream::Output => output,
                Stream::Errors => errors,
            };
            for byte in bytes {
                match byte {
                    b'\n' | b'\r' => line.end(stream, &*ear),
                    _ if line.bytes.len() < LONGEST => line.bytes.push(*byte),
                    _ => line.overlong = true,
                }
            }
        })
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        if let Some(ear) = &self.ear {
            let [output, errors] = &mut *held(&self.begun);
            output.end(Stream::Output, &**ear);
            errors.end(Stream::Errors, &**ear);
        }
    }
}

impl Line {
    fn end(&mut self, stream: Stream, ear: &Ear) {
        let bytes = std::mem::take(&mut self.bytes);
        if std::mem::take(&mut self.overlong) {
            ear(stream, &format!("(a line of more than {LONGEST} bytes)"));
        } else if !bytes.is_empty() {
            ear(stream, &String::from_utf8_lossy(&bytes));
        }
    }
}

fn held(lines: &Mutex<[Line; 2]>) -> MutexGuard<'_, [Line; 2]> {
    lines.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(pieces: &[(Stream, &[u8])]) -> Vec<(Stream, String)> {
        let all: Arc<Mutex<Vec<(Stream, String)>>> = Arc::default();
        let into = all.clone();
        let listener = Listener::new(move |stream, line| {
            into.lock().unwrap().push((stream, line.to_owned()));
        })
        .after(|line| *line = line.replace("sesame", "[secret]"));
        let lines = Lines::new(&listener);
        let echo = lines.echo();
        for (stream, bytes) in pieces {
            echo.hear(*stream, bytes);
        }
        drop(lines);
        std::mem::take(&mut *all.lock().unwrap())
    }

    #[test]
    fn makes_lines_of_pieces_and_keeps_the_streams_apart() {
        let pieces: [(Stream, &[u8]); 4] = [
            (Stream::Output, b"one ses"),
            (Stream::Errors, b"aside\n"),
            (Stream::Output, b"ame\n10 %\r20 %\r"),
            (Stream::Output, b"no end"),
        ];
        let lines = heard(&pieces);
        let lines: Vec<(Stream, &str)> =
            lines.iter().map(|(s, line)| (*s, line.as_str())).collect();
        assert_eq!(
            lines,
            [
                (Stream::Errors, "aside"),
                (Stream::Output, "one [secret]"),
                (Stream::Output, "10 %"),
                (Stream::Output, "20 %"),
                (Stream::Output, "no end"),
            ]
        );
    }

    #[test]
    fn shows_no_part_of_an_overlong_line() {
        let mut bytes = vec![b'x'; LONGEST - 3];
        bytes.extend_from_slice(b"sesame\nnext\n");
        let lines = heard(&[(Stream::Output, &bytes)]);
        assert_eq!(lines.len(), 2);
        assert!(!lines[0].1.contains("ses"));
        assert_eq!(lines[1].1, "next");
    }
}
