//! Changes to text files that others own too: from the content that stands there to the one that
//! is wished for, without anything that touches a machine.

mod key;
mod line;
mod lines;
mod mount;
mod pattern;

use cellhost_transport::FileKind;
use cellhost_transport::resources::path::{CONTENT_LIMIT, PathFacts};
use serde::Serialize;

pub use key::{Key, NoKey};
pub use line::{Line, NoLine, Place};
pub use mount::MountLine;
pub use pattern::Pattern;

use lines::Lines;

/// A change to a text file.
#[derive(Debug, Clone, Serialize)]
pub struct Edit {
    /// Where the file is.
    pub path: String,
    /// Whether a missing file is made; otherwise it is an error, unless something is to go.
    pub create: bool,
    /// What changes.
    pub change: Change,
}

/// What changes in a text file.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// A line is there.
    Line(Line),
    /// A line is not there.
    NoLine(NoLine),
    /// A key has a value.
    Key(Key),
    /// A key is not there.
    NoKey(NoKey),
    /// A mount is in the table of file systems.
    Mount(MountLine),
    /// Nothing is in the table of file systems for this mount point.
    NoMount(String),
}

impl Edit {
    /// What the edit is about, in a person's words.
    pub fn subject(&self) -> String {
        let path = &self.path;
        match &self.change {
            Change::Line(_) => format!("line in {path}"),
            Change::NoLine(_) => format!("no line in {path}"),
            Change::Key(key) => format!("key {} in {path}", key.name()),
            Change::NoKey(key) => format!("no key {} in {path}", key.name()),
            Change::Mount(_) => format!("mount in {path}"),
            Change::NoMount(point) => format!("no mount {point} in {path}"),
        }
    }

    /// Says what makes no sense in it, whatever the file holds.
    pub(crate) fn check(&self) -> Result<(), String> {
        match &self.change {
            Change::Line(line) => line.check(),
            Change::NoLine(line) => line.check(),
            Change::Key(key) => key.check(),
            Change::NoKey(key) => key.check(),
            Change::Mount(_) | Change::NoMount(_) => Ok(()),
        }
    }

    /// The content that is wished for, given what stands there. None where it is that already.
    pub(crate) fn applied(&self, facts: &PathFacts) -> Result<Option<Vec<u8>>, String> {
        let goes = matches!(
            self.change,
            Change::NoLine(_) | Change::NoKey(_) | Change::NoMount(_)
        );
        let path = &self.path;
        let before = match (facts.kind, &facts.content) {
            (None, _) if goes => return Ok(None),
            (None, _) if self.create => &[],
            (None, _) => return Err(format!("there is no file {path}, and it may not be made")),
            (Some(FileKind::File), Some(content)) => content.0.as_slice(),
            (Some(FileKind::File), None) => {
                let (size, most) = (facts.size, CONTENT_LIMIT);
                return Err(format!(
                    "{path} is {size} bytes long; files of up to {most} are edited"
                ));
            }
            // Who may edit the link may not be one who may edit what it leads to.
            (Some(FileKind::Link), _) => {
                return Err(format!("{path} is a link, and links are not followed"));
            }
            (Some(_), _) => return Err(format!("{path} is no regular file")),
        };
        if before.contains(&0) {
            return Err(format!("{path} is no text file"));
        }
        let after = self
            .change
            .applied(before)
            .map_err(|why| format!("{path}: {why}"))?;
        Ok((facts.kind.is_none() || after != before).then_some(after))
    }
}

impl Change {
    fn applied(&self, before: &[u8]) -> Result<Vec<u8>, String> {
        let mut lines = Lines::of(before);
        match self {
            Self::Line(line) => line.put(&mut lines)?,
            Self::NoLine(line) => line.take(&mut lines),
            Self::Key(key) => key.put(&mut lines)?,
            Self::NoKey(key) => key.take(&mut lines)?,
            Self::Mount(line) => mount::put(line, &mut lines),
            Self::NoMount(point) => mount::take(point, &mut lines),
        }
        Ok(lines.into_bytes())
    }
}

/// Says that a text cannot be a part of a line.
fn one_line(what: &str, text: &str) -> Result<(), String> {
    if text.contains(['\n', '\r', '\0']) {
        return Err(format!("`{}` is no {what}", text.escape_debug()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use cellhost_transport::resources::path::Content;

    fn edit(create: bool) -> Edit {
        Edit {
            path: "/etc/x".to_owned(),
            create,
            change: Change::Line(Line {
                line: "a".to_owned(),
                matching: None,
                place: Place::End,
            }),
        }
    }

    fn file(content: &[u8]) -> PathFacts {
        PathFacts {
            kind: Some(FileKind::File),
            size: content.len() as u64,
            content: Some(Content(content.to_vec())),
            ..PathFacts::nothing()
        }
    }

    #[test]
    fn makes_a_missing_file_only_where_it_may() {
        let nothing = PathFacts::nothing();
        assert!(edit(false).applied(&nothing).is_err());
        assert_eq!(edit(true).applied(&nothing).unwrap(), Some(b"a\n".to_vec()));
        let gone = Edit {
            change: Change::NoLine(NoLine {
                line: Some("a".to_owned()),
                matching: None,
            }),
            ..edit(true)
        };
        assert_eq!(gone.applied(&nothing).unwrap(), None);
    }

    #[test]
    fn edits_neither_links_nor_what_is_too_long_or_no_text() {
        let link = PathFacts {
            kind: Some(FileKind::Link),
            target: Some("/etc/shadow".to_owned()),
            ..PathFacts::nothing()
        };
        let long = PathFacts {
            kind: Some(FileKind::File),
            size: CONTENT_LIMIT + 1,
            ..PathFacts::nothing()
        };
        for (facts, words) in [
            (link, "is a link"),
            (long, "1048577 bytes long"),
            (file(b"a\0b"), "no text file"),
        ] {
            let error = edit(true).applied(&facts).unwrap_err();
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn says_nothing_where_all_is_as_wished() {
        assert_eq!(edit(false).applied(&file(b"b\na\n")).unwrap(), None);
    }
}
