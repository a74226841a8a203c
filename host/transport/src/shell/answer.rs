//! What is kept of an answer. The machine is hostile here: whatever it sends, memory is bounded.

use super::stream::{Piece, Scanner};
use super::words::tail;
use crate::{Echo, Stream};

/// How much may come before an answer begins: greetings of a login shell.
const NOISE: usize = 1 << 20;
/// How long a greeting may be.
const GREETING: usize = 64 << 10;
/// How many marks an answer may have, and how long their words may be together.
const MARKS: usize = 1 << 17;
const MARKED: usize = 16 << 20;
/// How much may come where only the last of it is kept, and how much of that is passed on at once.
const FLOOD: usize = 64 << 20;
const ALOUD: usize = 1 << 20;

/// What a machine sent cannot be an answer; the text says why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Misread(pub(crate) String);

impl Misread {
    /// Makes one from words.
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

/// How much of a stream is kept.
#[derive(Debug, Clone, Copy)]
pub(super) enum Keep {
    /// All of it; more than this is no answer.
    Whole(usize),
    /// The first so many bytes; the rest is read and dropped.
    Head(usize),
    /// The last so many bytes of each section.
    Tail(usize),
}

/// The bytes before a mark, and the mark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Section {
    /// The bytes.
    pub(crate) data: Vec<u8>,
    /// The words of the mark.
    pub(crate) mark: String,
}

/// Reads sections in the order in which a script writes them.
#[derive(Debug)]
pub(crate) struct Sections(std::vec::IntoIter<Section>);

impl Sections {
    /// Begins with the first.
    pub(super) fn new(sections: Vec<Section>) -> Self {
        Self(sections.into_iter())
    }

    /// Whether one is closed by this mark.
    pub(crate) fn marked(&self, mark: &str) -> bool {
        self.0.as_slice().iter().any(|section| section.mark == mark)
    }

    /// The first that is closed by this mark.
    pub(crate) fn of(&self, mark: &str) -> Option<&Section> {
        let mut sections = self.0.as_slice().iter();
        sections.find(|section| section.mark == mark)
    }

    /// Takes the bytes of the next section, which must be closed by this mark.
    pub(crate) fn take(&mut self, mark: &str) -> Result<Vec<u8>, Misread> {
        match self.0.next() {
            Some(section) if section.mark == mark => Ok(section.data),
            Some(section) => Err(Misread(format!(
                "`{}` in place of `{mark}`",
                tail(section.mark.as_bytes())
            ))),
            None => Err(Misread(format!("no `{mark}`"))),
        }
    }

    /// Whether the next section is closed by this mark.
    pub(crate) fn next_is(&self, mark: &str) -> bool {
        let next = self.0.as_slice().first();
        next.is_some_and(|section| section.mark == mark)
    }

    /// The mark of the next section.
    pub(crate) fn next_mark(&self) -> Option<&str> {
        let next = self.0.as_slice().first();
        next.map(|section| section.mark.as_str())
    }

    /// Takes the next section, whatever its mark.
    pub(crate) fn any(&mut self) -> Result<Section, Misread> {
        self.0.next().ok_or_else(|| Misread::new("a section short"))
    }
}

/// One stream of an answer on its way.
#[derive(Debug)]
pub(super) struct Collector {
    scanner: Scanner,
    keep: Keep,
    data: Vec<u8>,
    held: usize,
    noise: usize,
    marked: usize,
    sections: Vec<Section>,
    began: bool,
    greets: bool,
    ended: bool,
    echo: Option<(Echo, Stream)>,
}

impl Collector {
    /// Begins to collect what is framed by a nonce.
    pub(super) fn new(nonce: &str, keep: Keep) -> Self {
        Self {
            scanner: Scanner::new(nonce),
            keep,
            data: Vec::new(),
            held: 0,
            noise: 0,
            marked: 0,
            sections: Vec::new(),
            began: false,
            greets: false,
            ended: false,
            echo: None,
        }
    }

    /// Expects a greeting before the answer.
    pub(super) fn with_greeting(mut self, greets: bool) -> Self {
        self.greets = greets;
        self
    }

    /// Passes on what it keeps as it comes.
    pub(super) fn with_echo(mut self, echo: Echo, stream: Stream) -> Self {
        self.echo = Some((echo, stream));
        self
    }

    /// Takes the next bytes.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Result<(), Misread> {
        let mut pieces = Vec::new();
        self.scanner
            .feed(bytes, &mut pieces)
            .map_err(|_| Misread::new("a mark without end"))?;
        for piece in pieces {
            if self.ended {
                return Err(Misread::new("more after the end of the answer"));
            }
            match piece {
                Piece::Data(data) => self.take(&data)?,
                Piece::Mark(mark) => self.mark(mark)?,
            }
        }
        Ok(())
    }

    fn take(&mut self, data: &[u8]) -> Result<(), Misread> {
        if !self.began {
            self.noise += data.len();
            if self.noise > NOISE {
                return Err(Misread::new("no answer in a flood of other output"));
            }
            self.data.extend_from_slice(data);
            keep_tail(&mut self.data, 8192);
            return Ok(());
        }
        let keep = if self.greets {
            Keep::Whole(GREETING)
        } else {
            self.keep
        };
        match keep {
            Keep::Whole(most) => {
                if self.held + data.len() > most {
                    return Err(Misread::new(format!("more than {most} bytes")));
                }
                self.data.extend_from_slice(data);
                self.held += data.len();
            }
            Keep::Head(most) => {
                let room = most.saturating_sub(self.held).min(data.len());
                let kept = data.get(..room).unwrap_or_default();
                self.echo(kept);
                self.data.extend_from_slice(kept);
                self.held += room;
            }
            Keep::Tail(most) => {
                if self.held + data.len() > FLOOD {
                    return Err(Misread::new(format!("more than {FLOOD} bytes")));
                }
                let room = ALOUD.saturating_sub(self.held).min(data.len());
                self.echo(data.get(..room).unwrap_or_default());
                self.held += data.len();
                self.data.extend_from_slice(data);
                keep_tail(&mut self.data, most);
            }
        }
        Ok(())
    }

    fn echo(&self, data: &[u8]) {
        if let Some((echo, stream)) = &self.echo {
            echo.hear(*stream, data);
        }
    }

    fn mark(&mut self, mark: String) -> Result<(), Misread> {
        if !self.began {
            if mark != "begin" {
                return Err(Misread::new("an answer without beginning"));
            }
            self.began = true;
            self.data.clear();
            return Ok(());
        }
        self.marked += mark.len();
        if self.sections.len() >= MARKS || self.marked > MARKED {
            return Err(Misread::new("too many marks"));
        }
        if self.greets {
            (self.greets, self.held) = (false, 0);
        }
        self.ended = mark == "end" || mark.starts_with("end ");
        let data = std::mem::take(&mut self.data);
        self.sections.push(Section { data, mark });
        Ok(())
    }

    /// Whether the answer is complete.
    pub(super) fn ended(&self) -> bool {
        self.ended
    }

    /// Whether anything of the answer came.
    pub(super) fn began(&self) -> bool {
        self.began
    }

    /// The mark that begins with this word, if it came.
    pub(super) fn marked(&self, word: &str) -> bool {
        self.sections
            .iter()
            .any(|section| section.mark.split(' ').next() == Some(word))
    }

    /// What came last and is not yet closed by a mark, as words for a person.
    pub(super) fn words(&self) -> String {
        tail(&self.data)
    }

    /// The sections, with what is not closed by a mark as the last one.
    pub(super) fn finish(mut self) -> Vec<Section> {
        if !self.ended {
            // What came before it began is nobody's answer.
            let data = if self.began { self.data } else { Vec::new() };
            let mark = String::new();
            self.sections.push(Section { data, mark });
        }
        self.sections
    }
}

fn keep_tail(data: &mut Vec<u8>, most: usize) {
    if data.len() > most.saturating_mul(2) {
        data.drain(..data.len() - most);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn collect(keep: Keep, bytes: &[u8]) -> Result<Vec<Section>, Misread> {
        let mut collector = Collector::new("n", keep);
        for chunk in bytes.chunks(7) {
            collector.feed(chunk)?;
        }
        Ok(collector.finish())
    }

    #[test]
    fn drops_what_a_login_shell_says_before() {
        let sections = collect(Keep::Whole(9), b"Welcome to m1!\nn begin\nxn end 0\n");
        assert_eq!(
            sections.unwrap(),
            [Section {
                data: b"x".to_vec(),
                mark: "end 0".into()
            }]
        );
    }

    #[test]
    fn what_came_before_the_beginning_is_no_part_of_an_answer() {
        let sections = collect(Keep::Head(4), b"Welcome to m1!\n").unwrap();
        assert_eq!(sections.len(), 1);
        assert_eq!(sections[0].data, b"");
    }

    #[test]
    fn keeps_the_head_and_drops_the_rest() {
        let sections = collect(Keep::Head(4), b"n begin\nabcdefghn end 0\n").unwrap();
        assert_eq!(sections[0].data, b"abcd");
    }

    #[test]
    fn refuses_more_than_was_asked_for() {
        assert!(collect(Keep::Whole(4), b"n begin\nabcdefghn end 0\n").is_err());
    }

    #[test]
    fn ends_a_flood_of_marks_and_one_of_what_is_dropped() {
        let mut collector = Collector::new("n", Keep::Whole(9));
        collector.feed(b"n begin\n").unwrap();
        let mark = [b"n ".as_slice(), &[b'x'; 4000], b"\n"].concat();
        let mut fed = (0..MARKED / 4000 + 2).map(|_| collector.feed(&mark));
        let told = fed.find_map(Result::err);
        assert_eq!(told, Some(Misread::new("too many marks")));

        let heard = std::sync::Arc::new(std::sync::Mutex::new(0));
        let hears = heard.clone();
        let echo = Echo::new(move |_, bytes| *hears.lock().unwrap() += bytes.len());
        let mut collector = Collector::new("n", Keep::Tail(9)).with_echo(echo, Stream::Errors);
        collector.feed(b"n begin\n").unwrap();
        let chunk = vec![b'x'; 1 << 20];
        let fed = (0..=FLOOD >> 20).map(|_| collector.feed(&chunk));
        assert_eq!(fed.filter(Result::is_err).count(), 1);
        assert_eq!(*heard.lock().unwrap(), ALOUD);
    }

    proptest! {
        #[test]
        fn never_holds_more_than_it_may(bytes in prop::collection::vec(any::<u8>(), 0..3000)) {
            let framed = [b"n begin\n".as_slice(), &bytes].concat();
            if let Ok(sections) = collect(Keep::Head(100), &framed) {
                prop_assert!(sections.iter().map(|section| section.data.len()).sum::<usize>() <= 100);
            }
        }

        #[test]
        fn survives_whatever_comes(bytes in prop::collection::vec(prop::sample::select(b"n begindx0 ".to_vec()), 0..400)) {
            let _ = collect(Keep::Whole(64), &bytes);
            let _ = collect(Keep::Tail(8), &bytes);
        }
    }
}
