use serde::Serialize;

use crate::Failure;
use crate::bindings::cellhost::template::template;

/// Renders one of the module's templates and returns the text, with `[secret:<name>]` for
/// every secret.
///
/// To put a rendered file on a machine, secrets and all, use
/// [`FilePlace::rendered`](crate::FilePlace::rendered) instead.
pub fn render(name: &str, variables: &impl Serialize) -> Result<String, Failure> {
    let variables = serde_json::to_string(variables)?;
    Ok(template::render(name, &variables)?)
}
