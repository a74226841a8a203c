//! Leases: what has to hold before a change, and what is asked about them.

use super::answer::{Misread, Section, Sections};
use super::ask::terms;
use super::courier::{Errand, Memory};
use super::part::Part;
use super::script::{Refusal, Script};
use super::words::tail;
use crate::Reply;
use crate::lease::{Claim, Lease, Tenure, Withheld};

/// Lets an errand happen only where this run has the lease. It is looked at, and taken where that
/// is allowed, by the same shell in the same exchange; where it is somebody else's, the shell ends
/// before it reads any further, so that nothing of what follows can be done.
pub(super) fn under(claim: &Claim, errand: Errand, memory: &Memory) -> Result<Errand, Refusal> {
    let mut script = Script::new(&[Part::Lease]);
    let [controller, cell, rest @ ..] = claim.owner.words();
    let rest = rest.join(" ");
    let take = if claim.take { "take" } else { "" };
    let words = [
        memory.0.as_str(),
        &claim.owner.token,
        &controller,
        &cell,
        &rest,
        take,
    ];
    script.call("ch_lease_hold", words)?;
    script.append(errand.script);
    let inner = errand.reading;
    let reading = move |output: Sections, mut errors: Sections| {
        let mark = output.next_mark().unwrap_or_default();
        let lease = |words: &str| Lease::read(words).map(Box::new);
        let withheld = if let Some(words) = mark.strip_prefix("end another ") {
            Withheld::Another(lease(words))
        } else if let Some(words) = mark.strip_prefix("end lost ") {
            Withheld::Lost(lease(words))
        } else if let Some(words) = mark.strip_prefix("end at-work ") {
            Withheld::AtWork(lease(words))
        } else if mark == "end unable" {
            Withheld::Unable(tail(&errors.any()?.data))
        } else {
            return inner(output, errors);
        };
        Ok(Reply::Withheld(withheld))
    };
    Ok(Errand {
        script,
        terms: errand.terms,
        changes: errand.changes,
        reading: Box::new(reading),
    })
}

/// A question about the lease itself.
pub(super) fn errand(tenure: &Tenure, memory: &Memory) -> Result<Errand, Refusal> {
    let mut script = Script::new(&[Part::Lease]);
    let directory = memory.0.as_str();
    match tenure {
        Tenure::Show => script.call("ch_lease_say", [directory, "lease"])?,
        Tenure::Inherit(owner) => {
            let [controller, cell, ..] = owner.words();
            let words = [directory, &owner.token, &controller, &cell];
            script.call("ch_lease_inherit", words)?;
        }
        Tenure::Renew(owner) => script.call("ch_lease_renew", [directory, &owner.token])?,
        Tenure::Release(owner) => script.call("ch_lease_release", [directory, &owner.token])?,
        Tenure::Remove(token) => script.call("ch_lease_remove", [directory, token])?,
    }
    let reading = |mut output: Sections, _: Sections| {
        let Section { mark, .. } = output.any()?;
        if let Some(words) = mark.strip_prefix("end at-work ") {
            let lease = Lease::read(words).map(Box::new);
            return Ok(Reply::Withheld(Withheld::AtWork(lease)));
        }
        let words = mark
            .strip_prefix("end lease ")
            .ok_or_else(|| Misread::new("no word about the lease"))?;
        Ok(Reply::Lease(Lease::read(words).map(Box::new)))
    };
    Ok(Errand {
        script,
        terms: terms(4096),
        changes: false,
        reading: Box::new(reading),
    })
}
