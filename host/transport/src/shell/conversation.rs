//! One shell and the scripts that it is given, one at a time.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

use super::answer::{Collector, Keep, Misread, Section};
use super::line::Pipes;
use super::part::Part;
use super::quote::quote;
use super::script::Script;
use crate::{Echo, Stream};

/// How long a shell may take to end what it runs once its input is closed.
const FAREWELL: Duration = Duration::from_secs(8);
/// How long output may go on after the program that was run has ended.
const AFTERMATH: Duration = Duration::from_secs(1);
/// The longest time that is waited for anything.
const LONGEST: Duration = Duration::from_hours(24 * 365);
/// How much is read of a shell that is to end, which may never do so.
const LITTER: usize = 64 << 20;
/// How much is read at once.
const CHUNK: usize = 64 << 10;

/// What is kept of an answer, and how long it may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    /// Of standard output.
    pub(super) output: Keep,
    /// Of standard error.
    pub(super) errors: Keep,
    /// From when the request is sent, or from the greeting where there is one.
    pub(super) deadline: Duration,
}

/// Both streams of a complete answer.
#[derive(Debug)]
pub(super) struct Heard {
    /// Standard output.
    pub(super) output: Vec<Section>,
    /// Standard error.
    pub(super) errors: Vec<Section>,
    /// Whether the shell can be given another script.
    pub(super) usable: bool,
}

/// Why a script has no answer. The conversation is over then.
#[derive(Debug)]
pub(super) enum Lost {
    /// The shell, or the way to it, ended. `began` tells whether it had begun to answer.
    Ended { words: String, began: bool },
    /// No greeting in time.
    Silent { words: String },
    /// No end in time.
    Late,
    /// What came is no answer.
    Misread(Misread),
}

/// A shell that scripts are given to.
pub(super) struct Conversation {
    pipes: Pipes,
    sent: BTreeSet<Part>,
    memory: String,
    greeting: Duration,
}

impl Conversation {
    /// Begins to speak to a shell that remembers in this directory and has so long for its greeting.
    pub(super) fn new(pipes: Pipes, memory: &str, greeting: Duration) -> Self {
        Self {
            pipes,
            sent: BTreeSet::new(),
            memory: memory.to_owned(),
            greeting,
        }
    }

    /// Whether nothing was said yet, so that the next answer holds a greeting.
    pub(super) fn is_fresh(&self) -> bool {
        self.sent.is_empty()
    }

    /// Whether the shell is known to be gone, or says what nobody asked for.
    pub(super) async fn is_over(&mut self) -> bool {
        let mut byte = [0];
        let read = timeout(Duration::ZERO, self.pipes.output.read(&mut byte));
        read.await.is_ok()
    }

    /// Gives it a script and waits for the whole answer.
    pub(super) async fn carry(
        &mut self,
        script: Script,
        terms: Terms,
        echo: &Echo,
        mut closing: watch::Receiver<bool>,
    ) -> Result<Heard, Lost> {
        let nonce = nonce()?;
        let fresh = self.is_fresh();
        let text = self.compose(script, &nonce);
        let mut output = Collector::new(&nonce, terms.output)
            .with_greeting(fresh)
            .with_echo(echo.clone(), Stream::Output);
        let mut errors =
            Collector::new(&nonce, terms.errors).with_echo(echo.clone(), Stream::Errors);
        let mut hearing = Hearing::new(fresh.then_some(self.greeting), terms.deadline);
        let Pipes {
            input,
            output: from,
            errors: complaints,
            gate,
            ..
        } = &mut self.pipes;
        let writing = write(input, &text);
        tokio::pin!(writing);
        let (mut written, mut deaf) = (false, false);
        let mut chunk = vec![0; CHUNK];
        let mut aside = vec![0; CHUNK];
        while !(output.ended() && errors.ended()) {
            tokio::select! {
                () = &mut writing, if !written => written = true,
                read = from.read(&mut chunk) => {
                    if let Ok(length @ 1..) = read {
                        let chunk = chunk.get(..length).unwrap_or_default();
                        output.feed(chunk).map_err(Lost::Misread)?;
                    } else {
                        drain(complaints, &mut errors, deaf).await;
                        // A shell may end with its answer, and its output close before the
                        // other stream was read.
                        if output.ended() && errors.ended() {
                            return Ok(heard(output, errors, false));
                        }
                        return Err(Lost::Ended { words: errors.words(), began: output.began() });
                    }
                },
                read = complaints.read(&mut aside), if !deaf => match read {
                    Ok(length @ 1..) => errors
                        .feed(aside.get(..length).unwrap_or_default())
                        .map_err(Lost::Misread)?,
                    _ => deaf = true,
                },
                () = sleep_until(hearing.until) => return match hearing.awaits {
                    Awaits::Greeting => Err(Lost::Silent { words: errors.words() }),
                    Awaits::End => Err(Lost::Late),
                    Awaits::Rest => Ok(heard(output, errors, false)),
                },
                () = closed(&mut closing) => {
                    return Err(Lost::Ended { words: "closed".to_owned(), began: true });
                }
            }
            if hearing.observe(&output) {
                *gate = None;
            }
        }
        // All was answered, so all was read; what was not taken from us by now never will be.
        let usable = written || timeout(AFTERMATH, writing).await.is_ok();
        Ok(heard(output, errors, usable))
    }

    fn compose(&mut self, script: Script, nonce: &str) -> Vec<u8> {
        let (parts, body) = script.into_parts();
        let mut text = Vec::with_capacity(body.len() + 4096);
        if self.sent.is_empty() {
            let first = BTreeSet::from([Part::Core, Part::Hello]);
            Part::send(&first, &mut self.sent, &mut text);
            text.extend_from_slice(format!("ch_begin {nonce}\nch_hello").as_bytes());
            // No path that a shell could not be told: couriers choose it.
            text.extend_from_slice(b" ");
            text.extend(quote(self.memory.as_bytes()).unwrap_or_default());
            text.extend_from_slice(b"\n");
        } else {
            text.extend_from_slice(format!("ch_begin {nonce}\n").as_bytes());
        }
        Part::send(&parts, &mut self.sent, &mut text);
        text.extend_from_slice(&body);
        text
    }

    /// Closes the shell's input, which ends what it runs, and waits a little for that.
    pub(super) async fn farewell(self) {
        let Pipes {
            input,
            mut output,
            mut errors,
            keeper,
            gate: _,
        } = self.pipes;
        drop(input);
        // Only its output tells that the shell is gone: an ssh in the background may hold on to
        // the other pipe for as long as it lives.
        let _ = timeout(FAREWELL, async {
            tokio::select! {
                () = discard(&mut output) => {}
                () = async { discard(&mut errors).await; std::future::pending().await } => {}
            }
        })
        .await;
        drop(keeper);
    }
}

fn heard(output: Collector, errors: Collector, usable: bool) -> Heard {
    Heard {
        output: output.finish(),
        errors: errors.finish(),
        usable,
    }
}

enum Awaits {
    Greeting,
    End,
    Rest,
}

/// What is waited for, and until when.
struct Hearing {
    awaits: Awaits,
    until: Instant,
    deadline: Duration,
}

impl Hearing {
    fn new(greeting: Option<Duration>, deadline: Duration) -> Self {
        let (awaits, limit) = match greeting {
            Some(greeting) => (Awaits::Greeting, greeting),
            None => (Awaits::End, deadline),
        };
        Self {
            awaits,
            until: Instant::now() + limit.min(LONGEST),
            deadline,
        }
    }

    /// Takes note of what has come; says whether the greeting is there.
    fn observe(&mut self, output: &Collector) -> bool {
        if matches!(self.awaits, Awaits::Greeting) && output.marked("hello") {
            self.awaits = Awaits::End;
            self.until = Instant::now() + self.deadline.min(LONGEST);
        }
        // The program is gone, but something it left behind may hold its output open for ever.
        if matches!(self.awaits, Awaits::End) && output.marked("ended") {
            self.awaits = Awaits::Rest;
            self.until = Instant::now() + AFTERMATH;
        }
        !matches!(self.awaits, Awaits::Greeting)
    }
}

// A shell that is gone shows in its output; that it cannot be written to says nothing more.
async fn write(input: &mut (dyn AsyncWrite + Send + Unpin), text: &[u8]) {
    if input.write_all(text).await.is_ok() {
        let _ = input.flush().await;
    } else {
        std::future::pending::<()>().await;
    }
}

async fn closed(closing: &mut watch::Receiver<bool>) {
    let _ = closing.wait_for(|closing| *closing).await;
}

async fn drain(
    complaints: &mut (dyn AsyncRead + Send + Unpin),
    errors: &mut Collector,
    deaf: bool,
) {
    if deaf {
        return;
    }
    // Bounded: a process in the background may hold this pipe open.
    let _ = timeout(Duration::from_millis(300), async {
        let mut chunk = vec![0; CHUNK];
        while let Ok(length @ 1..) = complaints.read(&mut chunk).await {
            if errors
                .feed(chunk.get(..length).unwrap_or_default())
                .is_err()
            {
                break;
            }
        }
    })
    .await;
}

async fn discard(from: &mut (dyn AsyncRead + Send + Unpin)) {
    let mut chunk = vec![0; CHUNK];
    let mut most = LITTER;
    while let Ok(length @ 1..) = from.read(&mut chunk).await {
        most = most.saturating_sub(length);
        if most == 0 {
            break;
        }
    }
}

fn nonce() -> Result<String, Lost> {
    use std::fmt::Write as _;
    let mut bytes = [0_u8; 16];
    rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty()).map_err(
        |error| {
            Lost::Misread(Misread::new(format!(
                "no randomness on this computer: {error}"
            )))
        },
    )?;
    Ok(bytes.iter().fold("@".to_owned(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    }))
}
