//! Shell text under construction.

use std::collections::BTreeSet;

use super::part::Part;
use super::quote::quote;

/// Why a request cannot be put into a script; nothing was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal(pub(crate) String);

/// The text of one request and the functions it needs.
#[derive(Debug, Default)]
pub(crate) struct Script {
    text: Vec<u8>,
    parts: BTreeSet<Part>,
}

impl Script {
    /// Begins a script that needs these functions.
    pub(crate) fn new(parts: &[Part]) -> Self {
        Self {
            text: Vec::new(),
            parts: parts.iter().copied().collect(),
        }
    }

    /// Says that these functions are needed too.
    pub(crate) fn need(&mut self, parts: &[Part]) {
        self.parts.extend(parts);
    }

    /// Adds text as it is.
    pub(crate) fn text(&mut self, text: &str) {
        self.text.extend_from_slice(text.as_bytes());
    }

    /// Adds bytes as one quoted word, with a space before it.
    pub(crate) fn word(&mut self, word: impl AsRef<[u8]>) -> Result<(), Refusal> {
        self.text(" ");
        self.glued(word)
    }

    /// Adds bytes as one quoted word that belongs to what stands before it.
    pub(crate) fn glued(&mut self, word: impl AsRef<[u8]>) -> Result<(), Refusal> {
        let word = word.as_ref();
        let quoted = quote(word).ok_or_else(|| {
            let shown = String::from_utf8_lossy(word).replace('\0', "\\0");
            Refusal(format!(
                "`{shown}` holds a NUL byte, which no machine can take"
            ))
        })?;
        self.text.extend_from_slice(&quoted);
        Ok(())
    }

    /// Adds a call with quoted arguments.
    pub(crate) fn call<W: AsRef<[u8]>>(
        &mut self,
        call: &str,
        words: impl IntoIterator<Item = W>,
    ) -> Result<(), Refusal> {
        self.text(call);
        for word in words {
            self.word(word)?;
        }
        self.text("\n");
        Ok(())
    }

    /// Adds another script behind it.
    pub(crate) fn append(&mut self, script: Self) {
        self.text.extend_from_slice(&script.text);
        self.parts.extend(script.parts);
    }

    /// Takes it apart: the functions it needs, and the text.
    pub(crate) fn into_parts(self) -> (BTreeSet<Part>, Vec<u8>) {
        (self.parts, self.text)
    }
}

/// Checks a name of the machine's own databases (packages, users, groups, services): nothing
/// there begins with a dash, is a pattern or leads elsewhere.
pub(crate) fn name<'a>(kind: &str, name: &'a str) -> Result<&'a str, Refusal> {
    let good = |c: char| c.is_ascii_alphanumeric() || "+._:@\\-".contains(c);
    let begins = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if !name.ends_with('@')
        && name.len() <= 256
        && name.starts_with(begins)
        && name.chars().all(good)
    {
        Ok(name)
    } else {
        Err(Refusal(format!(
            "`{}` is no name of a {kind}",
            name.escape_debug()
        )))
    }
}

/// Checks a whole number that a machine wrote.
pub(crate) fn number<N: std::str::FromStr>(text: &str) -> Option<N> {
    text.parse().ok()
}
