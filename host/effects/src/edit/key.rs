use serde::Serialize;

use super::{Lines, one_line};

/// A key of an ini file that has this value.
#[derive(Debug, Clone, Serialize)]
pub struct Key {
    /// The section; empty for keys before the first.
    pub section: String,
    /// The key.
    pub key: String,
    /// Its value; none for a key that stands alone.
    pub value: Option<String>,
}

/// A key that is not there.
#[derive(Debug, Clone, Serialize)]
pub struct NoKey {
    /// The section; empty for keys before the first.
    pub section: String,
    /// The key.
    pub key: String,
}

/// What a line of an ini file is.
#[derive(Debug, PartialEq, Eq)]
enum Shape<'a> {
    /// The beginning of a section.
    Section(&'a [u8]),
    /// A key and where its value begins and ends, if it has one.
    Entry {
        key: &'a [u8],
        value: Option<std::ops::Range<usize>>,
    },
    /// Nothing, or a comment.
    Other,
}

impl Key {
    pub(super) fn name(&self) -> String {
        name(&self.section, &self.key)
    }

    pub(super) fn check(&self) -> Result<(), String> {
        check(&self.section, &self.key)?;
        let Some(value) = &self.value else {
            return Ok(());
        };
        one_line("value", value)?;
        if value.trim_ascii() != value || value.ends_with('\\') {
            return Err(format!(
                "`{}` is no value: it begins or ends with a blank, or goes on on the next line",
                value.escape_debug()
            ));
        }
        Ok(())
    }

    pub(super) fn put(&self, lines: &mut Lines<'_>) -> Result<(), String> {
        let places = places(lines, &self.section, &self.key)?;
        if let Some((first, others)) = places.split_first() {
            let old = lines.iter().nth(*first).unwrap_or_default().to_vec();
            lines.set(*first, self.in_place_of(&old, lines));
            lines.remove(others);
            return Ok(());
        }
        let text = self.written(&sign(lines));
        if let Some(at) = room(lines, &self.section) {
            lines.insert(at, text);
            return Ok(());
        }
        if lines
            .iter()
            .next_back()
            .is_some_and(|line| !line.trim_ascii().is_empty())
        {
            lines.insert(lines.len(), Vec::new());
        }
        lines.insert(lines.len(), format!("[{}]", self.section).into_bytes());
        lines.insert(lines.len(), text);
        Ok(())
    }

    fn in_place_of(&self, old: &[u8], lines: &Lines<'_>) -> Vec<u8> {
        let blanks = old.len() - old.trim_ascii_start().len();
        let indent = old.get(..blanks).unwrap_or_default();
        match (shape(old), &self.value) {
            (Shape::Entry { value: None, .. }, None) => old.to_vec(),
            (
                Shape::Entry {
                    value: Some(range), ..
                },
                Some(value),
            ) => {
                if old.get(range.clone()) == Some(value.as_bytes()) {
                    return old.to_vec();
                }
                let head = old.get(..range.start).unwrap_or_default();
                [head, value.as_bytes()].concat()
            }
            _ => [indent, &self.written(&sign(lines))].concat(),
        }
    }

    fn written(&self, sign: &[u8]) -> Vec<u8> {
        match &self.value {
            Some(value) => [self.key.as_bytes(), sign, value.as_bytes()].concat(),
            None => self.key.clone().into_bytes(),
        }
    }
}

impl NoKey {
    pub(super) fn name(&self) -> String {
        name(&self.section, &self.key)
    }

    pub(super) fn check(&self) -> Result<(), String> {
        check(&self.section, &self.key)
    }

    pub(super) fn take(&self, lines: &mut Lines<'_>) -> Result<(), String> {
        let places = places(lines, &self.section, &self.key)?;
        lines.remove(&places);
        Ok(())
    }
}

fn name(section: &str, key: &str) -> String {
    if section.is_empty() {
        key.to_owned()
    } else {
        format!("[{section}] {key}")
    }
}

fn check(section: &str, key: &str) -> Result<(), String> {
    one_line("section", section)?;
    one_line("key", key)?;
    if section.contains(['[', ']']) || section.trim_ascii() != section {
        return Err(format!("`{}` is no section", section.escape_debug()));
    }
    let begins_fine = !key.starts_with(['[', '#', ';']) && !key.is_empty();
    if !begins_fine || key.contains('=') || key.trim_ascii() != key {
        return Err(format!("`{}` is no key", key.escape_debug()));
    }
    Ok(())
}

fn shape(line: &[u8]) -> Shape<'_> {
    let text = line.trim_ascii();
    match text.first() {
        None | Some(b'#' | b';') => return Shape::Other,
        Some(b'[') => {
            let end = text.iter().position(|byte| *byte == b']');
            let name = end.and_then(|end| text.get(1..end));
            return name.map_or(Shape::Other, |name| Shape::Section(name.trim_ascii()));
        }
        Some(_) => {}
    }
    let Some(sign) = line.iter().position(|byte| *byte == b'=') else {
        return Shape::Entry {
            key: text,
            value: None,
        };
    };
    let (key, rest) = line.split_at(sign);
    let after = rest.get(1..).unwrap_or_default();
    let start = line.len() - after.trim_ascii_start().len();
    let end = start + after.trim_ascii().len();
    Shape::Entry {
        key: key.trim_ascii(),
        value: Some(start..end),
    }
}

/// Where a key stands in a section, which may begin more than once.
fn places(lines: &Lines<'_>, section: &str, wanted: &str) -> Result<Vec<usize>, String> {
    let mut inside = section.is_empty();
    let mut places = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        match shape(line) {
            Shape::Section(name) => inside = name == section.as_bytes(),
            Shape::Entry { key, .. } if inside && key == wanted.as_bytes() => {
                // Half of a value would stay behind.
                if line.trim_ascii_end().ends_with(b"\\") {
                    return Err(format!("the value of `{wanted}` goes on on the next line"));
                }
                places.push(at);
            }
            Shape::Entry { .. } | Shape::Other => {}
        }
    }
    Ok(places)
}

/// Where a new key of a section goes: behind the last thing in it that is no comment. None where
/// there is no such section.
fn room(lines: &Lines<'_>, section: &str) -> Option<usize> {
    let mut inside = section.is_empty();
    let mut found = None;
    let mut first_section = None;
    for (at, line) in lines.iter().enumerate() {
        match shape(line) {
            Shape::Section(name) => {
                first_section = first_section.or(Some(at));
                inside = name == section.as_bytes();
                if inside {
                    found = Some(at + 1);
                }
            }
            Shape::Entry { .. } if inside => found = Some(at + 1),
            Shape::Entry { .. } | Shape::Other => {}
        }
    }
    if section.is_empty() {
        return found.or(first_section).or(Some(lines.len()));
    }
    found
}

/// What stands between keys and values in this file.
fn sign(lines: &Lines<'_>) -> Vec<u8> {
    let found = lines.iter().find_map(|line| match shape(line) {
        Shape::Entry {
            key,
            value: Some(range),
        } => {
            let blanks = line.len() - line.trim_ascii_start().len();
            line.get(blanks + key.len()..range.start)
                .map(<[u8]>::to_vec)
        }
        _ => None,
    });
    found.unwrap_or_else(|| b" = ".to_vec())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn put(text: &str, section: &str, key: &str, value: Option<&str>) -> String {
        let mut lines = Lines::of(text.as_bytes());
        let wish = Key {
            section: section.to_owned(),
            key: key.to_owned(),
            value: value.map(str::to_owned),
        };
        wish.check().unwrap();
        wish.put(&mut lines).unwrap();
        String::from_utf8(lines.into_bytes()).unwrap()
    }

    const FILE: &str = "; mine\ntop = 1\n\n[mysqld]\n# port\nport  =  3306 \nskip-name-resolve\n\n# next\n[client]\nport = 1\n";

    #[test]
    fn sets_the_key_of_its_section_and_keeps_what_is_around_it() {
        let changed = put(FILE, "mysqld", "port", Some("3307"));
        assert_eq!(changed, FILE.replace("port  =  3306 ", "port  =  3307"));
        assert_eq!(put(FILE, "mysqld", "port", Some("3306")), FILE);
        assert_eq!(put(FILE, "mysqld", "skip-name-resolve", None), FILE);
    }

    #[test]
    fn puts_new_keys_behind_the_last_one_of_their_section() {
        let wanted = FILE.replace("resolve\n", "resolve\nbind = ::1\n");
        assert_eq!(put(FILE, "mysqld", "bind", Some("::1")), wanted);
        let wanted = FILE.replace("top = 1\n", "top = 1\nnew = a b\n");
        assert_eq!(put(FILE, "", "new", Some("a b")), wanted);
        let wanted = format!("{FILE}\n[extra]\nx = y\n");
        assert_eq!(put(FILE, "extra", "x", Some("y")), wanted);
        assert_eq!(put("", "a", "b", Some("")), "[a]\nb = \n");
    }

    #[test]
    fn writes_as_the_file_does() {
        let unit = "[Service]\nType=simple\n";
        assert_eq!(
            put(unit, "Service", "Nice", Some("5")),
            "[Service]\nType=simple\nNice=5\n"
        );
    }

    #[test]
    fn leaves_one_of_several() {
        let text = "[a]\nk = 1\n[b]\nk = 2\n[a]\nk = 3\n";
        assert_eq!(
            put(text, "a", "k", Some("4")),
            "[a]\nk = 4\n[b]\nk = 2\n[a]\n"
        );
    }

    #[test]
    fn refuses_half_a_value() {
        let mut lines = Lines::of(b"[a]\nk = 1 \\\n  2\n");
        let key = NoKey {
            section: "a".to_owned(),
            key: "k".to_owned(),
        };
        assert!(key.take(&mut lines).is_err());
    }

    #[test]
    fn refuses_what_would_read_back_as_something_else() {
        for (section, key, value) in [
            ("a]", "k", "v"),
            ("a", "", "v"),
            ("a", "k=", "v"),
            ("a", "#k", "v"),
            ("a", "[k", "v"),
            ("a", " k", "v"),
            ("a", "k", "v\n[b]"),
            ("a", "k", " v"),
            ("a", "k", "v\\"),
        ] {
            let key = Key {
                section: section.to_owned(),
                key: key.to_owned(),
                value: Some(value.to_owned()),
            };
            assert!(key.check().is_err(), "{key:?}");
        }
    }

    proptest! {
        #[test]
        fn a_second_time_changes_nothing_and_other_keys_stay(
            text in "((\\[[ab]\\]|[ab] ?= ?[cd]{0,2}|;x|)\r?\n){0,8}([ab]=c)?",
            section in "[ab]?",
            value in prop::option::of("[cd]{0,3}"),
        ) {
            let first = put(&text, &section, "a", value.as_deref());
            prop_assert_eq!(&put(&first, &section, "a", value.as_deref()), &first);
            let entries = |text: &str| -> Vec<(String, String)> {
                let mut inside = String::new();
                let mut found = Vec::new();
                for line in text.lines() {
                    match shape(line.as_bytes()) {
                        Shape::Section(name) => inside = String::from_utf8_lossy(name).into_owned(),
                        Shape::Entry { key, .. } if !(key == b"a" && inside == section) => {
                            found.push((inside.clone(), line.to_owned()));
                        }
                        _ => {}
                    }
                }
                found
            };
            prop_assert_eq!(entries(&first), entries(&text));
            let mut lines = Lines::of(first.as_bytes());
            let key = NoKey { section: section.clone(), key: "a".to_owned() };
            key.take(&mut lines).unwrap();
            prop_assert!(places(&lines, &section, "a").unwrap().is_empty());
        }
    }
}
