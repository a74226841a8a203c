use semver::VersionReq;

use crate::problem::Problem;

/// Reads which versions will do.
pub(crate) fn requirement(text: &str) -> Result<VersionReq, Problem> {
    VersionReq::parse(text).map_err(|error| {
        let message = format!("`{}` is not a version requirement", text.escape_debug());
        Problem::new(message)
            .label(error.to_string())
            .help("write one such as `^1.2` or `>=1, <3`")
    })
}
