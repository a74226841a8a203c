//! Requests whose paths may not lead everywhere.

use super::answer::Sections;
use super::courier::Errand;
use super::script::{Refusal, Script};
use super::words::tail;
use crate::{Realm, Reply};

/// What the shell closes its words about a path with that leads elsewhere.
const MARK: &str = "astray";

/// Binds an errand to a realm. The shell that does it goes to each path, and asks the kernel where
/// that is before it does anything there.
pub(super) fn errand(realm: &Realm, errand: Errand) -> Result<Errand, Refusal> {
    let mut script = Script::default();
    script.call("ch_bind", realm.places())?;
    script.append(errand.script);
    let inner = errand.reading;
    let reading = move |output: Sections, errors: Sections| match errors.of(MARK) {
        Some(section) => Ok(Reply::Astray(tail(&section.data))),
        None => inner(output, errors),
    };
    Ok(Errand {
        script,
        reading: Box::new(reading),
        ..errand
    })
}
