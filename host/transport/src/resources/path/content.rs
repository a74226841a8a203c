//! What files hold, as shell text and as its answer.

use super::{CONTENT_LIMIT, Content};
use crate::shell::{Misread, Part, Refusal, Script, Sections, operand};

/// Asks for the content of files.
pub(crate) fn ask(script: &mut Script, paths: &[&str]) -> Result<(), Refusal> {
    script.need(&[Part::Content]);
    let beyond = (CONTENT_LIMIT + 1).to_string();
    let operands = paths.iter().map(|path| operand(path));
    script.call(
        "ch_ask ch_contents",
        std::iter::once(beyond).chain(operands),
    )
}

/// Reads the answer, aligned with the question. None where the machine could not read one.
pub(crate) fn read(sections: &mut Sections, paths: usize) -> Result<Option<Vec<Content>>, Misread> {
    let mut contents = Vec::with_capacity(paths);
    for _ in 0..paths {
        let section = sections.any()?;
        match section.mark.as_str() {
            "content" => contents.push(Content(section.data)),
            "end refused" => return Ok(None),
            _ => return Err(Misread::new("no content of a file")),
        }
    }
    Ok(Some(contents))
}
