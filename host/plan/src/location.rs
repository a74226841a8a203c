use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::document::Text;
use crate::problem::Problem;

/// Reads a path and makes it relative to where the plan was loaded from.
///
/// A path that begins with `~/` stays as it is: only who opens it knows whose home is meant.
pub(crate) fn resolve(text: &Text<'_>) -> Option<PathBuf> {
    let written = text.parse(|written| {
        if written.is_empty() || written.contains(|c: char| c.is_control()) {
            return Err(Problem::new("this is not a path"));
        }
        Ok(Path::new(written))
    })?;
    if written.starts_with("~") {
        return Some(written.to_path_buf());
    }
    Some(text.report().source().folder().join(written))
}

/// Gives the path that one beginning with `~/` means to whoever has this home; others stay as
/// they are. Without a home nothing is changed.
pub fn at_home(path: &Path, home: Option<&OsStr>) -> PathBuf {
    match (path.strip_prefix("~"), home) {
        (Ok(rest), Some(home)) => Path::new(home).join(rest),
        _ => path.to_path_buf(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_lies_at_home_and_leaves_the_rest() {
        let home = Some(OsStr::new("/users/ann"));
        assert_eq!(
            at_home(Path::new("~/keys/id"), home),
            Path::new("/users/ann/keys/id")
        );
        assert_eq!(at_home(Path::new("/etc/x"), home), Path::new("/etc/x"));
        assert_eq!(at_home(Path::new("~bob/x"), home), Path::new("~bob/x"));
        assert_eq!(at_home(Path::new("~/x"), None), Path::new("~/x"));
    }
}
