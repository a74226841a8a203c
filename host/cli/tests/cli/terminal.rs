//! Terminals as text, and the files that say how they should be.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::scene::{Ending, Scene};

/// Length of the name of a run.
const RUN: usize = 26;

/// A folder of terminals; keeps in mind which of them are still wanted.
pub(crate) struct Folder {
    path: PathBuf,
    seen: BTreeSet<PathBuf>,
    different: Vec<String>,
}

impl Folder {
    /// The folder of this name beside the tests.
    pub(crate) fn of(name: &str) -> Self {
        Self {
            path: Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("tests/cli")
                .join(name),
            seen: BTreeSet::new(),
            different: Vec::new(),
        }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Compares a terminal with the file of this name, or writes the file with `UPDATE=1`.
    pub(crate) fn compare(&mut self, name: &str, terminal: &str) -> anyhow::Result<()> {
        let file = self.path.join(name).with_extension("txt");
        if std::env::var_os("UPDATE").is_some() {
            fs_err::write(&file, terminal)?;
        }
        let wanted = fs_err::read_to_string(&file).unwrap_or_default();
        if wanted != terminal {
            let words = format!("{name} should be\n{wanted}\nbut is\n{terminal}");
            self.different.push(words);
        }
        self.seen.insert(file);
        Ok(())
    }

    /// Fails where a terminal was not as it should be, or where a file has no case any more.
    pub(crate) fn conclude(self) -> anyhow::Result<()> {
        let mut words = self.different;
        for entry in fs_err::read_dir(&self.path)? {
            let file = entry?.path();
            let is_terminal = file.extension().is_some_and(|own| own == "txt");
            if is_terminal && !self.seen.contains(&file) {
                words.push(format!("`{}` belongs to no case", file.display()));
            }
        }
        assert!(words.is_empty(), "{}", words.join("\n\n"));
        Ok(())
    }
}

/// A terminal as it stands in a file: the command, its end and what it wrote.
pub(crate) fn shown(words: &[&str], ending: &Ending) -> String {
    let code = ending
        .code
        .map_or_else(|| "a signal".to_owned(), |code| format!("code {code}"));
    let mut text = format!("$ cellhost {}\n", words.join(" "));
    for (title, written) in [("stdout", &ending.stdout), ("stderr", &ending.stderr)] {
        if !written.is_empty() {
            text.extend(["--- ", title, "\n", written]);
        }
    }
    text + "--- ended with " + &code + "\n"
}

/// Takes out what differs from computer to computer and from run to run.
pub(crate) fn settled(text: &str, scene: &Scene, guests: &Path) -> String {
    let text = text
        .replace(&guests.display().to_string(), "{guests}")
        .replace(&scene.path().display().to_string(), "{here}");
    without_measures(&text)
}

/// Replaces times, sizes and the names of runs.
fn without_measures(text: &str) -> String {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '.';
    let mut settled = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(is_part) {
        let (before, from) = rest.split_at(start);
        settled.push_str(before);
        let end = from.find(|c| !is_part(c)).unwrap_or(from.len());
        let (word, after) = from.split_at(end);
        settled.push_str(measure(&settled, word, after).unwrap_or(word));
        rest = after;
    }
    settled + rest
}

/// What stands for a word that is a measure, where it is one.
fn measure(before: &str, word: &str, after: &str) -> Option<&'static str> {
    let is_fraction = word.contains('.') && word.parse::<f64>().is_ok();
    let is_unit = |unit: &str| {
        let rest = after.strip_prefix(unit);
        rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric()))
    };
    if is_fraction && (is_unit(" s") || before.ends_with("\"seconds\":")) {
        return Some("0.0");
    }
    if word.parse::<u64>().is_ok() && is_unit(" bytes") {
        return Some("{size}");
    }
    let name = word.strip_suffix(".jsonl")?;
    let in_name = |c: char| c.is_ascii_digit() || c.is_ascii_uppercase();
    (name.len() == RUN && name.chars().all(in_name)).then_some("{run}.jsonl")
}

#[test]
fn takes_out_measures_and_nothing_else() {
    let text = "1 failed (12.3 s), 2 skipped; 4.0 sets, 3 s, 4711 bytes, {\"seconds\":0.25,\"a\":0.25} \
                runs/01ARZ3NDEKTSV4RRFFQ69G5FAV.jsonl 0.1.0.";
    let settled = "1 failed (0.0 s), 2 skipped; 4.0 sets, 3 s, {size} bytes, {\"seconds\":0.0,\"a\":0.25} \
                   runs/{run}.jsonl 0.1.0.";
    assert_eq!(without_measures(text), settled);
}
