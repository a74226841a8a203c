//! Ports, as seen from the machine.

use std::time::Duration;

use super::answer::{Keep, Misread, Sections};
use super::conversation::Terms;
use super::courier::Errand;
use super::job::{begin, ended, finish};
use super::part::Part;
use super::script::{Refusal, Script};
use super::words::tail;
use crate::{Dial, DialOutcome, Reply};

/// How long the machine may take to end a talk whose time is over.
const GRACE: Duration = Duration::from_secs(10);

/// Puts a talk into a script. The deadline is kept on the machine, so that a silent port does
/// not cost the conversation.
pub(super) fn errand(dial: Dial) -> Result<Errand, Refusal> {
    let good = |c: char| c.is_ascii_alphanumeric() || ".:%_-".contains(c);
    if !dial.address.chars().all(good)
        || !dial
            .address
            .starts_with(|c: char| c.is_ascii_alphanumeric() || c == ':')
        || dial.address.len() > 255
    {
        let shown = dial.address.escape_debug();
        return Err(Refusal(format!("`{shown}` is no address")));
    }
    let mut script = Script::new(&[Part::Job, Part::Dial]);
    script.text(&format!(
        "ch_d={:.3}\n",
        dial.deadline.as_secs_f64().max(0.001)
    ));
    begin(&mut script, &dial.send);
    let words = [
        dial.address,
        dial.port.to_string(),
        dial.limit.to_string(),
        dial.deadline.as_secs().max(1).to_string(),
    ];
    script.call("ch_dial", words)?;
    let limit = usize::try_from(dial.limit).unwrap_or(usize::MAX);
    finish(&mut script);
    Ok(Errand {
        script,
        terms: Terms {
            output: Keep::Head(limit),
            errors: Keep::Tail(2048),
            deadline: dial.deadline.saturating_add(GRACE),
        },
        changes: true,
        reading: Box::new(move |output, errors| read(output, errors, limit)),
    })
}

fn read(mut output: Sections, mut errors: Sections, limit: usize) -> Result<Reply, Misread> {
    let late = output.marked("late");
    let (status, bytes) =
        ended(&mut output)?.ok_or_else(|| Misread::new("a talk that was refused"))?;
    let words = tail(&errors.any()?.data);
    let said = words.to_ascii_lowercase();
    let outcome = if (limit == 0 && status == 0)
        || !bytes.is_empty()
        || (status == 0 && !said.contains("refused"))
    {
        DialOutcome::Bytes(bytes)
    } else if said.contains("connection refused") {
        DialOutcome::Refused
    } else if late || said.contains("timed out") {
        DialOutcome::Deadline
    } else {
        DialOutcome::Failed(if words.is_empty() {
            format!("the talk ended with status {status}")
        } else {
            words
        })
    };
    Ok(Reply::Dialed(outcome))
}
