//! How paths stand, as shell text and as its answer.

use super::PathFacts;
use crate::FileKind;
use crate::shell::{Misread, Part, Refusal, Script, Sections, number, operand};

/// How many directories the shell can hold at once: the descriptors of one digit, but for the streams.
pub(crate) const HELD: usize = 7;
/// The first of them.
const FIRST: usize = 3;

/// Where a path is looked for, by a descriptor of its directory; that of the path before goes on where
/// it is the same.
fn held<'a>(paths: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut number = FIRST - 1;
    let mut last = None;
    paths
        .map(|path| {
            let operand = operand(path);
            let (directory, name) = operand.rsplit_once('/').unwrap_or_default();
            if last.as_deref() != Some(directory) {
                number += 1;
                last = Some(directory.to_owned());
            }
            format!("/proc/self/fd/{number}/{name}")
        })
        .collect()
}

/// Asks about paths; those whose hash is wanted come first. No more than [`HELD`] directories may
/// follow each other.
pub(crate) fn ask(script: &mut Script, paths: &[(&str, bool)]) -> Result<(), Refusal> {
    script.need(&[Part::Path]);
    let hashes = paths.iter().filter(|(_, hash)| *hash).count();
    let operands = paths.iter().map(|(path, _)| operand(path));
    script.call(
        "ch_ask ch_paths",
        std::iter::once(hashes.to_string()).chain(operands),
    )
}

/// Reads the answer, aligned with the question.
pub(crate) fn read(
    sections: &mut Sections,
    paths: &[(&str, bool)],
) -> Result<Vec<PathFacts>, Misread> {
    let kinds = sections.take("kinds")?;
    if kinds.len() != paths.len() {
        return Err(Misread::new("another count of paths than asked for"));
    }
    let outsides = sections.take("outsides")?;
    let mut rest = outsides.as_slice();
    let places = held(paths.iter().map(|(path, _)| *path));
    let mut all = Vec::with_capacity(paths.len());
    for (((path, _), place), kind) in paths.iter().zip(&places).zip(&kinds) {
        all.push(match kind {
            b'n' => PathFacts::nothing(),
            // It may be gone between the two looks. A directory that cannot be read cannot be held.
            _ => match outside(&mut rest, place)? {
                Some(facts) => facts,
                None => outside(&mut rest, &operand(path))?.unwrap_or_else(PathFacts::nothing),
            },
        });
    }
    if !rest.is_empty() {
        return Err(Misread::new("the outside of a path that was not asked for"));
    }
    targets(sections, &kinds, &mut all)?;
    hashes(sections, paths, &places, &mut all)?;
    Ok(all)
}

fn targets(sections: &mut Sections, kinds: &[u8], all: &mut [PathFacts]) -> Result<(), Misread> {
    for (facts, _) in all.iter_mut().zip(kinds).filter(|(_, kind)| **kind == b'l') {
        let target = sections.take("target")?;
        if facts.kind == Some(FileKind::Link) {
            facts.target = Some(String::from_utf8_lossy(&target).into_owned());
        }
    }
    Ok(())
}

fn hashes(
    sections: &mut Sections,
    paths: &[(&str, bool)],
    places: &[String],
    all: &mut [PathFacts],
) -> Result<(), Misread> {
    let answer = sections.take("hashes")?;
    let mut rest = answer.as_slice();
    for (((path, wanted), place), facts) in paths.iter().zip(places).zip(all) {
        if *wanted {
            // What was a file a moment ago may be something else by now.
            let found = hash(&mut rest, place).or_else(|| hash(&mut rest, &operand(path)));
            facts.hash = found.filter(|_| facts.kind == Some(FileKind::File));
        }
    }
    if rest.is_empty() {
        Ok(())
    } else {
        Err(Misread::new("the hash of a path that was not asked for"))
    }
}

/// Takes a line of `sha256sum` off the front where it is about this path. It writes line ends
/// and backslashes in names its own way; older ones leave carriage returns alone, and the one of
/// busybox leaves everything.
fn hash(rest: &mut &[u8], path: &str) -> Option<String> {
    let older = path.replace('\\', "\\\\").replace('\n', "\\n");
    let newer = older.replace('\r', "\\r");
    let forms = [("\\", newer.as_str()), ("\\", older.as_str()), ("", path)];
    for (before, name) in forms {
        let Some((hash, after)) = rest
            .strip_prefix(before.as_bytes())
            .and_then(|line| line.split_at_checked(64))
        else {
            continue;
        };
        let after = after.strip_prefix(b"  ").unwrap_or(after);
        let after = after
            .strip_prefix(name.as_bytes())
            .and_then(|after| after.strip_prefix(b"\n"));
        if let Some(after) = after
            && hash.iter().all(u8::is_ascii_hexdigit)
        {
            *rest = after;
            return Some(String::from_utf8_lossy(hash).to_ascii_lowercase());
        }
    }
    None
}

/// Takes the outside of this path off the front; none where another one is there.
pub(crate) fn outside(rest: &mut &[u8], path: &str) -> Result<Option<PathFacts>, Misread> {
    let strange = || Misread::new("no outside of a file");
    let mut at = *rest;
    let mut field = || {
        let end = at.iter().position(|byte| *byte == b' ')?;
        let (field, after) = at.split_at_checked(end)?;
        at = after.get(1..)?;
        std::str::from_utf8(field).ok().map(str::to_owned)
    };
    let Some(mode) = field() else {
        return if rest.is_empty() {
            Ok(None)
        } else {
            Err(strange())
        };
    };
    let mode = u32::from_str_radix(&mode, 16).map_err(|_| strange())?;
    let uid = field().ok_or_else(strange)?;
    let gid = field().ok_or_else(strange)?;
    let size = field().and_then(|size| number(&size)).ok_or_else(strange)?;
    let user = field().ok_or_else(strange)?;
    let group = field().ok_or_else(strange)?;
    let Some(after) = at
        .strip_prefix(path.as_bytes())
        .and_then(|after| after.strip_prefix(b"\n"))
    else {
        return Ok(None);
    };
    *rest = after;
    let known = |name: String, id| if name == "UNKNOWN" { id } else { name };
    Ok(Some(PathFacts {
        kind: Some(kind(mode)),
        mode: mode & 0o7777,
        owner: known(user, uid),
        group: known(group, gid),
        size,
        ..PathFacts::nothing()
    }))
}

fn kind(mode: u32) -> FileKind {
    match mode & 0o170_000 {
        0o100_000 => FileKind::File,
        0o040_000 => FileKind::Directory,
        0o120_000 => FileKind::Link,
        _ => FileKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_every_way_of_writing_a_strange_name() {
        let sum = "a".repeat(64);
        for line in [
            format!("\\{sum}  /x\\ny\\\\z\\r\n"),
            format!("\\{sum}  /x\\ny\\\\z\r\n"),
            format!("{sum}  /x\ny\\z\r\n"),
        ] {
            let mut rest = line.as_bytes();
            assert_eq!(hash(&mut rest, "/x\ny\\z\r"), Some(sum.clone()));
            assert!(rest.is_empty());
        }
    }

    #[test]
    fn takes_a_number_where_there_is_no_name() {
        let mut rest = b"81a4 1234 0 5 UNKNOWN root /a b\n".as_slice();
        let facts = outside(&mut rest, "/a b").unwrap().unwrap();
        assert_eq!(
            (facts.mode, facts.owner.as_str(), facts.group.as_str()),
            (0o644, "1234", "root")
        );
        assert_eq!(facts.kind, Some(FileKind::File));
    }

    proptest! {
        #[test]
        fn survives_whatever_comes(bytes in prop::collection::vec(any::<u8>(), 0..200), path in "\\PC{0,20}") {
            let _ = outside(&mut bytes.as_slice(), &path);
            let _ = hash(&mut bytes.as_slice(), &path);
        }
    }
}
