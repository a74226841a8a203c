//! Programs.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::answer::{Keep, Misread, Section, Sections};
use super::ask::refused;
use super::conversation::Terms;
use super::courier::Errand;
use super::part::Part;
use super::script::{Refusal, Script, name, number};
use crate::{Answer, Command, Reply};

/// Puts a program into a script. It is given as one list of quoted words, so no shell reads it.
pub(super) fn errand(command: &Command) -> Result<Errand, Refusal> {
    if command.argv.first().is_none_or(String::is_empty) {
        return Err(Refusal("there is no program to run".to_owned()));
    }
    let mut script = Script::new(&[Part::Job]);
    let user = command.user.as_deref().unwrap_or_default();
    if !user.is_empty() {
        script.need(&[Part::Group]);
        script.call("ch_may", [name("user", user)?])?;
        script.text("if [ -z \"$ch_f\" ]; then\n");
    }
    begin(&mut script, &command.input);
    if !user.is_empty() {
        script.call("ch_home", [user])?;
    }
    let mut preserved = String::new();
    for (name, value) in &command.environment {
        variable(name)?;
        script.text(&format!("export {name}="));
        // No space: this is one word of the assignment.
        script.glued(value)?;
        script.text("\n");
        preserved = format!("{preserved},{name}");
    }
    script.call(
        "ch_become",
        [user, preserved.trim_start_matches(',')]
            .into_iter()
            .chain(command.argv.iter().map(String::as_str)),
    )?;
    finish(&mut script);
    if !user.is_empty() {
        script.text("else ch_close; fi\n");
    }
    Ok(Errand {
        script,
        terms: Terms {
            output: Keep::Head(command.limit),
            errors: Keep::Head(command.limit),
            deadline: command.deadline,
        },
        changes: true,
        reading: Box::new(read),
    })
}

/// Begins the program of a job, which reads these bytes.
pub(super) fn begin(script: &mut Script, input: &[u8]) {
    if !input.is_empty() {
        script.text(&format!("ch_in='{}'\n", STANDARD.encode(input)));
    }
    script.text("ch_cmd() {\n");
}

/// Ends the program of a job and starts it.
pub(super) fn finish(script: &mut Script) {
    script.text("}\nch_job &\nch_j=$!\n");
}

fn read(mut output: Sections, mut errors: Sections) -> Result<Reply, Misread> {
    let ended = ended(&mut output)?;
    let Some((status, output)) = ended else {
        return refused("end refused", &mut errors);
    };
    Ok(Reply::Answer(Answer {
        status,
        output,
        errors: errors.any()?.data,
    }))
}

/// Reads a job's output and the status that stands somewhere in it. None where it was refused.
pub(super) fn ended(output: &mut Sections) -> Result<Option<(i32, Vec<u8>)>, Misread> {
    let mut bytes = Vec::new();
    let mut status = None;
    loop {
        let Section { data, mark } = output.any()?;
        bytes.extend_from_slice(&data);
        if let Some(code) = mark.strip_prefix("ended ") {
            status = number(code);
        } else if mark == "end refused" {
            return Ok(None);
        } else if mark.is_empty() || mark.starts_with("end") {
            let status = status.ok_or_else(|| Misread::new("an end without status"))?;
            return Ok(Some((status, bytes)));
        }
    }
}

fn variable(name: &str) -> Result<(), Refusal> {
    let good = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.starts_with(|c: char| c.is_ascii_digit()) || name.is_empty() || !name.chars().all(good)
    {
        let shown = name.escape_debug();
        return Err(Refusal(format!("`{shown}` is no name of a variable")));
    }
    Ok(())
}
