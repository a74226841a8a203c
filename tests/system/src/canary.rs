//! Secrets that are known by their sight, to be looked for wherever they must not be.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::SystemTime;

use aho_corasick::AhoCorasick;
use anyhow::{Context as _, Result, ensure};
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// What is shorter than this may stand anywhere by chance.
const SHORTEST: usize = 6;
/// How long a part of a value is that is looked for by itself.
const CORE: usize = 10;
/// How many files one search is given.
const FILES: usize = 400;
const COMPRESSED: [u8; 2] = [0x1f, 0x8b];

/// The values of secrets in all the forms in which they may stand somewhere.
#[derive(Default)]
pub struct Canaries {
    /// What is looked for, and what it is, without the value.
    forms: BTreeMap<Vec<u8>, String>,
    finder: Option<AhoCorasick>,
}

impl Canaries {
    /// Looks for this value too, under this name.
    pub fn add(&mut self, name: &str, value: &str) -> Result<()> {
        ensure!(value.len() >= SHORTEST, "the canary {name} is too short");
        for (form, what) in forms(value) {
            self.forms
                .entry(form)
                .or_insert_with(|| format!("{name} {what}"));
        }
        self.finder = Some(AhoCorasick::new(self.forms.keys())?);
        Ok(())
    }

    /// Whether there is anything to look for.
    pub fn is_empty(&self) -> bool {
        self.forms.is_empty()
    }

    /// What of a secret stands in these bytes, told without its value.
    pub fn within(&self, bytes: &[u8]) -> Option<String> {
        let found = self.finder.as_ref()?.find(bytes)?;
        let begin = found.start().saturating_sub(40);
        let before = String::from_utf8_lossy(bytes.get(begin..found.start())?).into_owned();
        let what = self.forms.values().nth(found.pattern().as_usize())?;
        Some(format!("{what} behind {before:?}"))
    }

    /// Fails where something of a secret stands in these bytes.
    pub fn are_not_in(&self, place: &str, bytes: impl AsRef<[u8]>) -> Result<()> {
        let found = self.within(bytes.as_ref());
        ensure!(found.is_none(), "{place} has {}", found.unwrap_or_default());
        Ok(())
    }

    /// Those of these files that something of a secret stands in, compressed ones included.
    pub fn among(&self, files: &[PathBuf]) -> Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        if self.is_empty() {
            return Ok(found);
        }
        for some in files.chunks(FILES) {
            found.extend(self.searched(some)?);
        }
        for file in files {
            if is_compressed(file) {
                let unpacked = Command::new("gzip").arg("-dc").arg(file).output()?;
                if self.within(&unpacked.stdout).is_some() {
                    found.push(file.clone());
                }
            }
        }
        Ok(found)
    }

    /// Asks a program that is quick at it; what is looked for is none of its arguments.
    fn searched(&self, files: &[PathBuf]) -> Result<Vec<PathBuf>> {
        let mut search = Command::new("grep")
            .args(["-slaZF", "-f", "-", "--"])
            .args(files)
            .env("LC_ALL", "C")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start `grep`")?;
        let mut patterns = Vec::new();
        for form in self.forms.keys() {
            patterns.extend_from_slice(form);
            patterns.push(b'\n');
        }
        search
            .stdin
            .take()
            .context("its input")?
            .write_all(&patterns)?;
        let output = search.wait_with_output()?;
        let names = output.stdout.split(|byte| *byte == 0);
        let names = names.filter(|name| !name.is_empty());
        Ok(names
            .map(|name| PathBuf::from(String::from_utf8_lossy(name).into_owned()))
            .collect())
    }
}

/// All files below a place that were written since then. What goes away meanwhile is none.
pub fn written_since(
    place: &Path,
    since: SystemTime,
    skipped: &dyn Fn(&Path) -> bool,
) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut open = vec![place.to_owned()];
    while let Some(path) = open.pop() {
        let Ok(found) = std::fs::symlink_metadata(&path) else {
            continue;
        };
        if found.is_dir() {
            let entries = std::fs::read_dir(&path).into_iter().flatten().flatten();
            open.extend(
                entries
                    .map(|entry| entry.path())
                    .filter(|path| !skipped(path)),
            );
        } else if found.is_file() && found.modified().is_ok_and(|written| written >= since) {
            files.push(path);
        }
    }
    files
}

fn is_compressed(file: &Path) -> bool {
    let mut first = [0; 2];
    let read = std::fs::File::open(file)
        .and_then(|mut file| std::io::Read::read_exact(&mut file, &mut first));
    read.is_ok() && first == COMPRESSED
}

/// A value as people and programs write it, and what each writing is called.
fn forms(value: &str) -> Vec<(Vec<u8>, String)> {
    let in_string = |text: &str| escaped(text, |c| matches!(c, '"' | '\\'), "\\");
    let mut forms: Vec<(String, &str)> = vec![
        (value.to_owned(), "as it is"),
        (
            format!("{value:?}").trim_matches('"').to_owned(),
            "as Rust shows it",
        ),
        (in_string(value), "in a string"),
        (in_string(&in_string(value)), "in a string in a string"),
        (
            escaped(value, |c| !c.is_ascii_alphanumeric(), "\\"),
            "for a shell",
        ),
        (
            escaped(value, |c| matches!(c, '\'' | '\\'), "\\"),
            "for a database",
        ),
        (value.replace('\'', r"'\''"), "between quotes of a shell"),
        (
            value.replace('\'', r#"'"'"'"#),
            "between other quotes of a shell",
        ),
        (value.replace('\'', "''"), "between quotes of SQL"),
        (value.replace('%', "%%"), "for systemd"),
        (value.replace('$', "$$"), "for systemd's commands"),
        (markup(value), "in markup"),
        (percent(value, false), "in an address"),
        (percent(value, true), "in a form"),
        (percent(value, false).to_lowercase(), "in a small address"),
        (hexadecimal(value), "in hexadecimal"),
        (hexadecimal(value).to_uppercase(), "in large hexadecimal"),
        (
            cellhost_manifest::digest(value.as_bytes()),
            "as its bare hash",
        ),
    ];
    forms.extend(cores(value).map(|core| (core.to_owned(), "in part")));
    for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
        for before in 0..3 {
            for part in halves(&aligned(value, before, engine)) {
                forms.push((part, "in base64"));
            }
        }
    }
    forms.retain(|(form, _)| form.len() >= SHORTEST && !form.contains('\n'));
    let named = forms.into_iter();
    named
        .map(|(form, what)| (form.into_bytes(), what.to_owned()))
        .collect()
}

fn escaped(value: &str, is_special: fn(char) -> bool, sign: &str) -> String {
    let mut text = String::new();
    for c in value.chars() {
        if is_special(c) {
            text.push_str(sign);
        }
        text.push(c);
    }
    text
}

fn markup(value: &str) -> String {
    let amp = value
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    amp.replace('"', "&quot;").replace('\'', "&#39;")
}

fn percent(value: &str, is_form: bool) -> String {
    let mut text = String::new();
    for byte in value.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                text.push(char::from(byte));
            }
            b' ' if is_form => text.push('+'),
            _ => {
                let _ = write!(text, "%{byte:02X}");
            }
        }
    }
    text
}

fn hexadecimal(value: &str) -> String {
    value.bytes().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Plain parts, which stand as they are in whatever form the rest has.
fn cores(value: &str) -> impl Iterator<Item = &str> {
    let plain = value.split(|c: char| !c.is_ascii_alphanumeric());
    // A long one may be cut anywhere.
    plain.filter(|core| core.len() >= CORE)
}

/// What is in base64 whatever stands around it, where so many bytes stand before it.
fn aligned(value: &str, before: usize, engine: &impl base64::Engine) -> String {
    let bytes = [&vec![0; before][..], value.as_bytes()].concat();
    let whole = bytes.len() / 3 * 3;
    let text = engine.encode(bytes.get(..whole).unwrap_or_default());
    let first = if before == 0 { 0 } else { 4 };
    text.get(first..).unwrap_or_default().to_owned()
}

/// Both halves of a long text: one of them stays whole where lines are broken.
fn halves(text: &str) -> Vec<String> {
    let middle = text.len() / 2;
    if middle < CORE {
        return vec![text.to_owned()];
    }
    let (one, other) = text.split_at(middle);
    vec![one.to_owned(), other.to_owned()]
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;

    use super::*;

    const VALUE: &str = r#"a:b'c"d\e%f $g <h> sesame7canary"#;

    fn canaries(value: &str) -> Canaries {
        let mut canaries = Canaries::default();
        canaries.add("own", value).unwrap();
        canaries
    }

    /// The value without a part that is plain in all forms.
    fn plain() -> String {
        VALUE.replace("sesame7canary", "se-sa-me")
    }

    #[test]
    fn finds_a_value_in_every_form_and_nothing_else() {
        let canaries = canaries(&plain());
        let shell = |script: &str| {
            let output = Command::new("python3")
                .args(["-c", script, &plain()])
                .output()
                .unwrap();
            assert!(output.status.success(), "{script}: {output:?}");
            output.stdout
        };
        let begin = "import sys, json, base64, shlex, html, urllib.parse as u, hashlib; v = sys.argv[1]; e = v.encode(); ";
        for planted in [
            "print(v)",
            "print(json.dumps(v))",
            "print(json.dumps(json.dumps(v)))",
            "print(shlex.quote(v))",
            "print(v.replace(chr(39), chr(39) + chr(92) + chr(39) + chr(39)))",
            "print(''.join(c if c.isalnum() else chr(92) + c for c in v))",
            "print(html.escape(v).replace('&#x27;', '&#39;'))",
            "print(u.quote(v, safe=''))",
            "print(u.quote_plus(v))",
            "print(u.quote(v, safe='').lower())",
            "print(e.hex())",
            "print(e.hex().upper())",
            "print(hashlib.sha256(e).hexdigest())",
            "print(v.replace('%', '%%'))",
            "print(base64.b64encode(e).decode())",
            "print(base64.b64encode(b'x' + e + b'yz').decode())",
            "print(base64.b64encode(b'xy' + e + b'z').decode())",
            "print(base64.urlsafe_b64encode(b'x~~~~' + e + b'z').decode())",
            "print(base64.encodebytes(b'x' * 40 + e + b'z' * 40).decode())",
        ] {
            let text = shell(&format!("{begin}{planted}"));
            assert!(canaries.within(&text).is_some(), "{planted}: {text:?}");
        }
        for harmless in [
            "print('a:b')",
            "print(e[3:].hex()[:8])",
            "print(hashlib.md5(e).hexdigest())",
        ] {
            let text = shell(&format!("{begin}{harmless}"));
            assert_eq!(canaries.within(&text), None, "{harmless}");
        }
    }

    #[test]
    fn finds_a_plain_part_of_a_value_and_does_not_repeat_it() {
        let found = canaries(VALUE).within(b"told: xsesame7canaryx").unwrap();
        assert_eq!(found, r#"own in part behind "told: x""#);
    }

    #[test]
    fn finds_files_by_what_is_in_them_packed_ones_too() {
        let place = tempfile::tempdir().unwrap();
        let before = SystemTime::now() - std::time::Duration::from_secs(5);
        let canaries = canaries(&plain());
        let write = |name: &str, content: &[u8]| {
            let path = place.path().join(name);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(&path, content).unwrap();
            path
        };
        let encoded = STANDARD_NO_PAD.encode(format!("\0{}\0", plain()));
        let bad = write("deep/down/encoded", format!("{encoded}\n").as_bytes());
        write("good", b"nothing");
        let packed = write("packed", plain().as_bytes());
        let status = Command::new("gzip").arg(&packed).status().unwrap();
        assert!(status.success());
        let skipped = write("skipped/plain", plain().as_bytes());
        let files = written_since(place.path(), before, &|path| path.ends_with("skipped"));
        assert!(!files.contains(&skipped) && files.len() == 3, "{files:?}");
        let mut found = canaries.among(&files).unwrap();
        found.sort();
        assert_eq!(found, [bad, place.path().join("packed.gz")]);
        let later = SystemTime::now() + std::time::Duration::from_secs(5);
        assert!(written_since(place.path(), later, &|_| false).is_empty());
    }
}
