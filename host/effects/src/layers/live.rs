//! The lowest layer: sends effects to machines.

mod bound;
mod heir;
mod leases;
mod way;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cellhost_plan::MachineName;
use cellhost_transport::resources::{Facts, Wish};
use cellhost_transport::{
    self as transport, Answer, Courier, DialOutcome, Echo, Fate, Fleet, Reply, Request,
};
use tokio::time::Instant;

use bound::Bound;
use heir::Heir;
pub use leases::{Leases, Standing};
use way::Way;

use crate::diff::diff;
use crate::judgement::{Course, Differing, Wishes};
use crate::listener::Lines;
use crate::{
    Act, Command, Consent, Dial, Effect, EffectError, Effects, Found, Input, Item, Outcome, Sign,
    Text, Turn,
};

/// How much of each output stream of a command is kept.
const OUTPUT_LIMIT: usize = 1 << 20;
/// The first pause between two looks of a wait; pauses grow to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// Why nobody is told how a machine is.
const AT_WORK: &str = "an earlier run of this cell from here is dead, but what it began on this \
                       machine is still at work; nothing was changed there. Run again when that has \
                       ended";

/// Sends effects to the machines of a fleet.
pub struct Live {
    fleet: Arc<dyn Fleet>,
    leases: Option<Arc<Leases>>,
}

impl Live {
    /// A layer over the machines of a fleet.
    pub fn new(fleet: Arc<dyn Fleet>) -> Self {
        let leases = None;
        Self { fleet, leases }
    }

    /// The same, but nothing changes on a machine unless this run has the machine's lease. It is
    /// taken with the first change, in the same exchange.
    pub fn leasing(fleet: Arc<dyn Fleet>, leases: Arc<Leases>) -> Self {
        let leases = Some(leases);
        Self { fleet, leases }
    }

    async fn way(&self, machine: MachineName, turn: Arc<Turn>) -> Result<Way, EffectError> {
        let lease = self.leases.clone();
        let mut courier = self.fleet.courier(&machine).await?;
        if let Some(leases) = &lease {
            courier = Arc::new(Heir::new(courier, leases.clone(), machine.clone()));
        }
        Ok(Way {
            courier: Arc::new(Bound::new(courier, turn)),
            machine,
            lease,
        })
    }
}

#[async_trait]
impl Effects for Live {
    async fn perform(&self, effect: Effect) -> Result<Outcome, EffectError> {
        if let Act::Pause(time) = effect.act {
            tokio::time::sleep(time).await;
            return Ok(Outcome::exact(Found::Paused));
        }
        if let Act::Note { .. } = effect.act {
            return Ok(Outcome::exact(Found::Noted));
        }
        let way = self.way(effect.machine, effect.turn).await?;
        let courier = way.courier.as_ref();
        let lines = Lines::new(&effect.listener);
        let echo = lines.echo();
        let found = match effect.act {
            Act::Ensure(items) => ensure(&way, &items, echo, &effect.consent).await?,
            Act::Look(identities) => Found::Facts(look(courier, identities).await?),
            Act::Probe { command, .. } => Found::Answer(answer(courier, command, echo).await?),
            Act::Run { command, .. } => {
                let request = Request::Command(sendable(command)?);
                Found::Ran(Some(told(way.change(request, echo).await?)?))
            }
            Act::Wait {
                command,
                sign,
                patience,
            } => Found::Answer(wait(courier, command, &sign, patience).await?),
            Act::Read { path, limit } => read(courier, path, limit).await?,
            Act::Status { path } => match courier.exchange(Request::Status { path }).await? {
                Reply::Status(status) => Found::Status(status),
                other => return Err(unexpected(other)),
            },
            Act::Entries { path } => {
                match courier
                    .exchange(Request::Entries { path: path.clone() })
                    .await?
                {
                    Reply::Entries(Some(entries)) => Found::Entries(entries),
                    Reply::Entries(None) => return Err(EffectError::NotFound { path }),
                    other => return Err(unexpected(other)),
                }
            }
            Act::Dial { dial, .. } => dialed(courier, dial).await?,
            Act::Fact { name } => match courier.exchange(Request::Machine).await? {
                Reply::Machine(facts) => Found::Fact(facts.get(&name).cloned()),
                other => return Err(unexpected(other)),
            },
            Act::Pause(_) => Found::Paused,
            Act::Note { .. } => Found::Noted,
        };
        Ok(Outcome::exact(found))
    }
}

/// Settles a list: one look and one settling, and one more of each for every package that is
/// installed or removed on the way, because nobody knows what it brings or takes along.
async fn ensure(
    way: &Way,
    items: &[Item],
    echo: Echo,
    consent: &Consent,
) -> Result<Found, EffectError> {
    let wishes = Wishes::of(items)?;
    let mut course = Course::new(&wishes);
    let mut from = 0;
    let mut again = true;
    while from < wishes.len() {
        let facts = look(way.courier.as_ref(), wishes.identities(from)).await?;
        let judged = wishes.judge(from, &facts);
        from = judged.next;
        let mut tried = course.admit(judged);
        if consent.is_needed() {
            let about = tried.iter().map(|found| wishes.foreseen(found));
            if let Err(reason) = consent.ask(about.collect()).await {
                let settlements = course.so_far();
                return Err(EffectError::NotAgreed {
                    reason,
                    settlements,
                });
            }
            tried.iter_mut().for_each(Differing::pin);
        }
        let fates = settle(way, &tried, echo.clone()).await?;
        let changed = tried.iter().zip(&fates).find(|(found, fate)| {
            // Others write this file too: what it is made of has to be looked at once more.
            again && found.guarded() && matches!(fate, Fate::Failed(_))
        });
        if let Some((found, _)) = changed {
            (again, from) = (false, found.index);
        }
        for (found, fate) in tried.into_iter().zip(fates) {
            // What is looked at once more has no fate yet, but where it is settled.
            if found.index < from || matches!(fate, Fate::Done(_)) {
                let diff = content_diff(&found, &fate);
                course.take(found, fate, diff);
            }
        }
        if course.is_over(from) {
            course.give_up(from);
            break;
        }
    }
    course.end().map(Found::Settled)
}

async fn settle(way: &Way, tried: &[Differing], echo: Echo) -> Result<Vec<Fate>, EffectError> {
    if tried.is_empty() {
        return Ok(Vec::new());
    }
    let list = tried.iter().map(|found| found.task.clone()).collect();
    match way.change(Request::Settle(list), echo).await? {
        Reply::Settled(settled) if settled.fates.len() == tried.len() => Ok(settled.fates),
        other => Err(unexpected(other)),
    }
}

async fn look(
    courier: &dyn Courier,
    identities: Vec<transport::Identity>,
) -> Result<Vec<Facts>, EffectError> {
    let wanted = identities.len();
    match courier.exchange(Request::Look(identities)).await? {
        Reply::Facts(facts) if facts.len() == wanted => Ok(facts),
        other => Err(unexpected(other)),
    }
}

/// The difference that a file's new content made, for the record.
fn content_diff(found: &Differing, fate: &Fate) -> Option<String> {
    let (Wish::File(file), true, Fate::Done(replaced)) =
        (&found.task.wish, found.difference.content, fate)
    else {
        return None;
    };
    let looked_at = found.path().and_then(|facts| facts.content.as_ref());
    let stood = found.path().is_some_and(|facts| facts.hash.is_some());
    let before = looked_at.or(replaced.as_ref());
    if stood && before.is_none() {
        return Some("the old content is too long to show\n".to_owned());
    }
    Some(diff(
        &file.path,
        before.map(|content| content.0.as_slice()),
        &file.content,
        found.shown.as_deref(),
    ))
}

async fn answer(
    courier: &dyn Courier,
    command: Command,
    echo: Echo,
) -> Result<Answer, EffectError> {
    let request = Request::Command(sendable(command)?);
    told(courier.exchange_aloud(request, echo).await?)
}

fn told(reply: Reply) -> Result<Answer, EffectError> {
    match reply {
        Reply::Answer(answer) => Ok(answer),
        other => Err(unexpected(other)),
    }
}

async fn wait(
    courier: &dyn Courier,
    command: Command,
    sign: &Sign,
    patience: Duration,
) -> Result<Answer, EffectError> {
    let end = Instant::now() + patience;
    let mut pause = FIRST_PAUSE;
    loop {
        // Every look of a wait writes the same; only the last answer is told.
        let last = answer(courier, command.clone(), Echo::default()).await?;
        if sign.shows_in(&last) {
            return Ok(last);
        }
        if Instant::now() + pause >= end {
            return Err(EffectError::Deadline {
                reason: waited(&command, sign, patience, &last),
            });
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

fn waited(command: &Command, sign: &Sign, patience: Duration, last: &Answer) -> String {
    let program = command.argv.first().map_or("", String::as_str);
    let output: String = String::from_utf8_lossy(&last.output)
        .chars()
        .take(400)
        .collect();
    let errors: String = String::from_utf8_lossy(&last.errors)
        .chars()
        .take(400)
        .collect();
    format!(
        "`{program}` did not answer with status {} and `{}` within {} s; its last answer: status {}, {} {}",
        sign.status,
        sign.contains,
        patience.as_secs(),
        last.status,
        output.trim(),
        errors.trim(),
    )
}

async fn read(courier: &dyn Courier, path: String, limit: u32) -> Result<Found, EffectError> {
    let request = Request::Read {
        path: path.clone(),
        limit: u64::from(limit),
    };
    match courier.exchange(request).await? {
        Reply::Bytes(bytes) => Ok(Found::Bytes(bytes)),
        Reply::NotFound => Err(EffectError::NotFound { path }),
        Reply::TooLarge(bytes) => Err(EffectError::TooLarge { bytes }),
        other => Err(unexpected(other)),
    }
}

async fn dialed(courier: &dyn Courier, dial: Dial) -> Result<Found, EffectError> {
    let Dial {
        address,
        port,
        send,
        limit,
        deadline,
    } = dial;
    let reason = format!(
        "no answer from {address}:{port} within {} ms",
        deadline.as_millis()
    );
    let dial = transport::Dial {
        address,
        port,
        send,
        limit,
        deadline,
    };
    match courier.exchange(Request::Dial(dial)).await? {
        Reply::Dialed(DialOutcome::Bytes(bytes)) => Ok(Found::Dialed(bytes)),
        Reply::Dialed(DialOutcome::Refused) => Err(EffectError::PortClosed),
        Reply::Dialed(DialOutcome::Deadline) => Err(EffectError::Deadline { reason }),
        Reply::Dialed(DialOutcome::Failed(reason)) => Err(EffectError::Other { reason }),
        other => Err(unexpected(other)),
    }
}

/// The command as a courier takes it: every secret has its value by now.
fn sendable(command: Command) -> Result<transport::Command, EffectError> {
    let unfilled = || EffectError::other("a secret of the command was not filled in");
    let environment = command
        .environment
        .into_iter()
        .map(|(name, text)| match text {
            Text::Plain(value) => Ok((name, value)),
            Text::Secret(_) => Err(unfilled()),
        })
        .collect::<Result<_, _>>()?;
    let input = match command.input {
        Input::Nothing => Vec::new(),
        Input::Bytes(bytes) => bytes,
        Input::Secret(_) => return Err(unfilled()),
    };
    Ok(transport::Command {
        argv: command.argv,
        input,
        environment,
        user: command.user,
        deadline: command.deadline,
        limit: OUTPUT_LIMIT,
    })
}

fn unexpected(reply: Reply) -> EffectError {
    match reply {
        Reply::Refused(words) => EffectError::Other { reason: words },
        Reply::Astray(rule) => EffectError::Denied { rule },
        Reply::Withheld(_) => EffectError::Leased {
            reason: AT_WORK.to_owned(),
            cause: None,
        },
        other => {
            let shown: String = format!("{other:?}").chars().take(120).collect();
            EffectError::other(format!("the courier answered another question: {shown}"))
        }
    }
}
