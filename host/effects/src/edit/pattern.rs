use serde::Serialize;

/// Longest text of a pattern.
const LONGEST: usize = 1024;
/// How much memory a pattern may take when it is compiled.
const MEMORY: usize = 1 << 20;

/// A regular expression that is matched against single lines, in time linear in their length.
#[derive(Debug, Clone)]
pub struct Pattern(regex::bytes::Regex);

impl Pattern {
    /// Compiles a pattern, or says why it is none.
    pub fn new(text: &str) -> Result<Self, String> {
        let wrong = |why: &dyn std::fmt::Display| {
            format!("`{}` is no regular expression: {why}", text.escape_debug())
        };
        if text.len() > LONGEST {
            return Err(wrong(&format!("longer than {LONGEST} bytes")));
        }
        regex::bytes::RegexBuilder::new(text)
            .size_limit(MEMORY)
            .dfa_size_limit(MEMORY)
            .build()
            .map(Self)
            .map_err(|error| wrong(&error))
    }

    pub(super) fn matches(&self, line: &[u8]) -> bool {
        self.0.is_match(line)
    }
}

impl Serialize for Pattern {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.as_str())
    }
}
