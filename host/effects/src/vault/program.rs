//! Programs that write the value of a secret.

use std::fmt;
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

/// How long one may take: somebody may have to touch a key.
const LONGEST: Duration = Duration::from_mins(1);
/// The most that one may write.
const MOST: usize = 64 << 10;
/// How much of its complaint is shown, from the end.
const SHOWN: usize = 2000;
const PAUSE: Duration = Duration::from_millis(5);

/// Why a program did not give a value. Nothing of its standard output is ever in it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// It cannot be started.
    Start(String),
    /// It ended badly.
    Failed {
        /// How.
        status: String,
        /// The end of what it complained of.
        complaint: String,
    },
    /// It did not end in time, and was ended.
    Late,
    /// It wrote more than any secret has.
    Long,
    /// What it wrote is no text.
    NoText,
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start(why) => write!(
                formatter,
                "cannot be started: {why}; is it installed, and in PATH?"
            ),
            Self::Failed { status, complaint } if complaint.is_empty() => {
                write!(formatter, "failed ({status}) and did not say why")
            }
            Self::Failed { status, complaint } => {
                write!(formatter, "failed ({status}): {complaint}")
            }
            Self::Late => write!(formatter, "did not end within {} s", LONGEST.as_secs()),
            Self::Long => write!(formatter, "wrote more than {} KiB", MOST >> 10),
            Self::NoText => formatter.write_str("wrote what is no text"),
        }
    }
}

/// Runs a program to its end and gives what it wrote. Its input is empty; what it asks a person, it
/// asks on the terminal.
pub(super) fn output(command: Command) -> Result<Zeroizing<String>, Refusal> {
    within(LONGEST, command)
}

fn within(patience: Duration, mut command: Command) -> Result<Zeroizing<String>, Refusal> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let end = Instant::now() + patience;
    let mut child = command
        .spawn()
        .map_err(|error| Refusal::Start(error.to_string()))?;
    let output = reader(child.stdout.take());
    let errors = reader(child.stderr.take());
    let status = ended(&mut child, end);
    // Whoever it has left behind may hold its output open for longer.
    let rest = || end.saturating_duration_since(Instant::now());
    let output = output.recv_timeout(rest()).ok();
    let (Some(status), Some(output)) = (status, output) else {
        return Err(Refusal::Late);
    };
    if !status.success() {
        let errors = errors.recv_timeout(rest()).unwrap_or_default();
        return Err(Refusal::Failed {
            status: status.to_string(),
            complaint: complaint(&errors, &output),
        });
    }
    if output.len() > MOST {
        return Err(Refusal::Long);
    }
    let text = std::str::from_utf8(&output).map_err(|_| Refusal::NoText)?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// Waits for the end of a program, and ends it where that takes too long.
fn ended(child: &mut Child, end: Instant) -> Option<std::process::ExitStatus> {
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) if Instant::now() < end => std::thread::sleep(PAUSE),
            _ => {
                let _ = child.kill();
                let _ = child.wait();
                return None;
            }
        }
    }
}

/// Reads a stream beside; what is too much is read and let go, so that nobody waits for a reader.
fn reader(stream: Option<impl Read + Send + 'static>) -> Receiver<Zeroizing<Vec<u8>>> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        // Never grown: what is copied while it grows would not be wiped.
        let mut kept = Zeroizing::new(Vec::with_capacity(MOST + 1));
        let mut chunk = Zeroizing::new([0; 4096]);
        if let Some(mut stream) = stream {
            while let Ok(length @ 1..) = stream.read(chunk.as_mut_slice()) {
                let room = (MOST + 1).saturating_sub(kept.len()).min(length);
                kept.extend_from_slice(chunk.get(..room).unwrap_or_default());
            }
        }
        let _ = sender.send(kept);
    });
    receiver
}

/// The last lines of what a program complained of, without what it wrote as a value.
fn complaint(errors: &[u8], output: &[u8]) -> String {
    let mut text = String::from_utf8_lossy(errors).trim().to_owned();
    let value = String::from_utf8_lossy(output);
    for line in value
        .lines()
        .map(str::trim)
        .filter(|line| line.len() >= super::SHORTEST)
    {
        text = text.replace(line, "[secret]");
    }
    let too_much = text.chars().count().saturating_sub(SHOWN);
    text.chars().skip(too_much).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Result<Zeroizing<String>, Refusal> {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        within(Duration::from_secs(2), command)
    }

    #[test]
    fn gives_what_a_program_writes_and_nothing_else() {
        assert_eq!(
            shell("echo ' a b'; echo no >&2").unwrap().as_str(),
            " a b\n"
        );
        assert_eq!(shell("cat").unwrap().as_str(), "");
    }

    #[test]
    fn says_why_a_program_failed_and_never_what_it_wrote() {
        let refusal = shell("echo sesame-17; echo 'no: sesame-17, sorry' >&2; exit 3").unwrap_err();
        assert_eq!(
            refusal.to_string(),
            "failed (exit status: 3): no: [secret], sorry"
        );
        let silent = shell("echo sesame-17; exit 4").unwrap_err().to_string();
        assert_eq!(silent, "failed (exit status: 4) and did not say why");
        let absent = within(LONGEST, Command::new("/there/is/none")).unwrap_err();
        assert!(matches!(absent, Refusal::Start(_)), "{absent:?}");
    }

    #[test]
    fn bounds_what_a_program_takes_and_writes() {
        let begun = Instant::now();
        assert_eq!(shell("sleep 30").unwrap_err(), Refusal::Late);
        assert_eq!(shell("sleep 30 & echo sesame").unwrap_err(), Refusal::Late);
        assert!(begun.elapsed() < Duration::from_secs(10));
        let flood = shell("head -c 1000000 /dev/zero | tr '\\0' a").unwrap_err();
        assert_eq!(flood, Refusal::Long);
        assert_eq!(shell("printf '\\377'").unwrap_err(), Refusal::NoText);
    }
}
