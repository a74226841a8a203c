use std::fmt;

use crate::problem::Problem;
use serde::Serialize;

use super::glob;

/// A pattern for images of containers in which `*` stands for any characters, also none.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct ImagePattern(String);

impl ImagePattern {
    /// Checks a pattern.
    pub fn new(text: &str) -> Result<Self, Problem> {
        if is_plain(text) {
            return Ok(Self(text.to_owned()));
        }
        let message = format!("`{}` is not a pattern for images", text.escape_debug());
        let help = "write one such as `registry.example.org/mine/*`, without tag or digest";
        Err(Problem::new(message).help(help))
    }

    /// Tells whether the name of an image matches, without its digest.
    pub fn matches(&self, image: &str) -> bool {
        is_plain(image) && glob::matches(&self.0, image)
    }
}

impl fmt::Display for ImagePattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

fn is_plain(image: &str) -> bool {
    let fine = |c: char| c.is_ascii_alphanumeric() || "._-/:*".contains(c);
    let begins = |c: char| c.is_ascii_alphanumeric() || c == '*';
    image.starts_with(begins) && image.chars().all(fine)
}

#[cfg(test)]
mod tests {
    use super::ImagePattern;

    #[test]
    fn matches_names_without_digests() {
        let mine = ImagePattern::new("registry.example.org/mine/*").unwrap();
        assert!(mine.matches("registry.example.org/mine/tool"));
        for other in [
            "registry.example.org/mine",
            "evil.org/registry.example.org/mine/tool",
            "registry.example.org/mine/tool@sha256:0",
            "-x",
        ] {
            assert!(!mine.matches(other), "{other}");
        }
        assert!(ImagePattern::new("a b").is_err() && ImagePattern::new("a@b").is_err());
    }
}
