//! Answers that no machine gave, read as if one had.

use super::answer::{Collector, Misread, Section, Sections};
use super::courier::{Errand, Memory, errand};
use super::hello::{self, NoGreeting};
use crate::{Reply, Request};

/// What stands before each mark.
const NONCE: &str = "@";

/// What a courier makes of two streams that come in so large pieces in answer to a request: a reply,
/// or why there is none. Nothing where the request cannot be put into a script. For tests that make up
/// machines: with `@` for a nonce, they can write whole answers.
pub fn hearsay(
    request: Request,
    output: &[u8],
    errors: &[u8],
    piece: usize,
) -> Option<Result<Reply, String>> {
    let greets = matches!(request, Request::Machine);
    let errand = errand(request, &Memory::default()).ok()?;
    let reply = read(errand, greets, [output, errors], piece);
    Some(reply.map_err(|Misread(reason)| reason))
}

fn read(
    errand: Errand,
    greets: bool,
    [output, errors]: [&[u8]; 2],
    piece: usize,
) -> Result<Reply, Misread> {
    let collector = Collector::new(NONCE, errand.terms.output).with_greeting(greets);
    let output = fed(collector, output, piece)?;
    let errors = fed(Collector::new(NONCE, errand.terms.errors), errors, piece)?;
    // A program that has ended may leave others behind that hold its output open.
    let is_whole = output.ended() && errors.ended();
    if !(is_whole || output.marked("ended")) {
        return Err(Misread(errors.words()));
    }
    let (output, errors) = (output.finish(), errors.finish());
    if greets {
        return greeting(output.first());
    }
    (errand.reading)(Sections::new(output), Sections::new(errors))
}

fn fed(mut collector: Collector, bytes: &[u8], piece: usize) -> Result<Collector, Misread> {
    for bytes in bytes.chunks(piece.max(1)) {
        collector.feed(bytes)?;
    }
    Ok(collector)
}

fn greeting(section: Option<&Section>) -> Result<Reply, Misread> {
    let section = section.ok_or_else(|| Misread::new("no greeting"))?;
    match hello::read(section) {
        Ok(mut facts) => {
            hello::take_lease(&mut facts);
            Ok(Reply::Machine(facts))
        }
        Err(NoGreeting::Unfit(missing)) => Err(Misread(missing)),
        Err(NoGreeting::Misread(misread)) => Err(misread),
    }
}
