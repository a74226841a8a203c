use std::fmt;

use crate::problem::Problem;
use serde::Serialize;

/// A path and everything below it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct PathPrefix(String);

impl PathPrefix {
    /// Checks that a path is absolute and plain; a slash at its end is dropped.
    pub fn new(text: &str) -> Result<Self, Problem> {
        let trimmed = match text.strip_suffix('/') {
            Some("") | None => text,
            Some(trimmed) => trimmed,
        };
        if is_plain(trimmed) {
            return Ok(Self(trimmed.to_owned()));
        }
        let message = format!("`{}` is not a plain absolute path", text.escape_debug());
        Err(Problem::new(message).help("write one from `/` on, without `.`, `..` or `//`"))
    }

    /// Gives the path.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Tells whether a path is this one or below it; a path that is not plain never is.
    pub fn covers(&self, path: &str) -> bool {
        if !is_plain(path) {
            return false;
        }
        let below = path.strip_prefix(self.0.trim_end_matches('/'));
        below.is_some_and(|below| below.is_empty() || below.starts_with('/'))
    }
}

impl fmt::Display for PathPrefix {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

fn is_plain(path: &str) -> bool {
    if path == "/" {
        return true;
    }
    let plain = |part: &str| !matches!(part, "" | "." | "..") && !part.contains(char::is_control);
    path.strip_prefix('/')
        .is_some_and(|rest| rest.split('/').all(plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn covers_itself_and_what_is_below() {
        let table = [
            ("/etc/redis", "/etc/redis", true),
            ("/etc/redis/", "/etc/redis", true),
            ("/etc/redis", "/etc/redis/a/b", true),
            ("/etc/redis", "/etc/redis-2", false),
            ("/etc/redis", "/etc", false),
            ("/etc/redis", "/etc/redis/../passwd", false),
            ("/etc/redis", "/etc/redis/", false),
            ("/etc/redis", "/etc/redis//x", false),
            ("/etc/redis", "etc/redis", false),
            ("/", "/anything", true),
            ("/", "/", true),
            ("/", "relative", false),
        ];
        for (prefix, path, expected) in table {
            assert_eq!(
                PathPrefix::new(prefix).unwrap().covers(path),
                expected,
                "{prefix} {path}"
            );
        }
    }

    #[test]
    fn refuses_paths_that_are_not_plain() {
        for path in [
            "",
            "etc",
            "./etc",
            "/etc/../root",
            "//etc",
            "/etc//x",
            "/a\nb",
        ] {
            assert!(PathPrefix::new(path).is_err(), "{path:?}");
        }
    }
}
