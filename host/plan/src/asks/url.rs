use std::fmt;

use crate::problem::Problem;
use serde::Serialize;

use super::glob;

/// A pattern for what may be fetched: `*` stands for any characters of the host's name, or of the
/// path, but never for the border between them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct UrlPattern(String);

impl UrlPattern {
    /// Checks a pattern.
    pub fn new(text: &str) -> Result<Self, Problem> {
        if Parts::of(text).is_some() {
            return Ok(Self(text.to_owned()));
        }
        let message = format!("`{}` is not a pattern for URLs", text.escape_debug());
        let help = "write one such as `https://downloads.example.org/tool/*`, with `https` or `http`, a host and a path";
        Err(Problem::new(message).help(help))
    }

    /// Gives the text of the pattern.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Tells whether a URL matches; one that does not say plainly where it leads never does.
    pub fn matches(&self, url: &str) -> bool {
        let (Some(pattern), Some(url)) = (Parts::of(&self.0), Parts::of(url)) else {
            return false;
        };
        pattern.scheme == url.scheme
            && glob::matches(pattern.host, url.host)
            && glob::matches(pattern.path, url.path)
    }
}

impl fmt::Display for UrlPattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

struct Parts<'a> {
    scheme: &'a str,
    host: &'a str,
    path: &'a str,
}

impl<'a> Parts<'a> {
    /// None for what is no plain URL: no user, no fragment, no way up, nothing that a program could
    /// read in two ways.
    fn of(text: &'a str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let (host, path) = rest.split_at(rest.find('/')?);
        let fine = |c: char| c.is_ascii_alphanumeric() || ".-:*_".contains(c);
        let host_fine = !host.is_empty() && !host.starts_with(['-', '.', ':']);
        let strange = |c: char| !c.is_ascii_graphic() || "\\\"'<>^`{|}[]#".contains(c);
        let leads_up = |path: &str| path.split('/').any(|part| matches!(part, "." | ".."));
        let before_query = path.split('?').next().unwrap_or_default();
        (matches!(scheme, "https" | "http")
            && host_fine
            && host.chars().all(fine)
            && !path.contains(strange)
            && !leads_up(before_query)
            && text.len() <= 2000)
            .then_some(Self { scheme, host, path })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_hosts_and_paths_apart() {
        let table = [
            ("https://a.org/x/*", "https://a.org/x/y/z.tar.gz", true),
            ("https://a.org/x/*", "https://a.org/x/", true),
            ("https://a.org/x/*", "https://a.org/xy", false),
            ("https://a.org/x/*", "http://a.org/x/y", false),
            ("https://a.org/x/*", "https://a.org:444/x/y", false),
            ("https://a.org/x/*", "https://a.org/x/../y", false),
            ("https://a.org/*", "https://a.org@b.org/x", false),
            ("https://a.org/*", "https://a.org.b.org/x", false),
            ("https://*.a.org/*", "https://b.a.org/x", true),
            ("https://*.a.org/*", "https://evil.org/.a.org/x", false),
            ("https://*.a.org/*", "https://evil.org?.a.org/x", false),
            ("https://*.a.org/*", "https://evil.org#.a.org/x", false),
            ("https://*.a.org/*", "https://evil.org\\.a.org/x", false),
            ("https://a.org/*", "https://a.org/x y", false),
            ("http://*/*", "http://127.0.0.1:8000/x?y=z", true),
            ("http://*/*", "file:///etc/passwd", false),
        ];
        for (pattern, url, expected) in table {
            let found = UrlPattern::new(pattern).unwrap().matches(url);
            assert_eq!(found, expected, "{pattern} {url}");
        }
    }

    #[test]
    fn refuses_what_is_no_pattern() {
        for text in [
            "",
            "*",
            "https://*",
            "ftp://a/*",
            "https:///x",
            "//a/x",
            "https://a b/x",
        ] {
            assert!(UrlPattern::new(text).is_err(), "{text}");
        }
    }
}
