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
