//! Becoming root with a password: given over the shell's input, when it is asked for and once.
//!
//! A shell that is not root's must never see the password, and whatever asks for it must never see
//! a script. So both are awaited: the question, which holds a mark of ours, and the word of the
//! shell that it is root's, which holds another. Only what follows the second is a script.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cellhost_plan::MachineName;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::Mutex;
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::diagnosis::reason;
use crate::shell::Pipes;

/// The longest that is kept of what is said before root's shell speaks.
const MOST_WORDS: usize = 16 << 10;
/// How long last words may take.
const LAST_WORDS: Duration = Duration::from_millis(300);

/// A password that makes the login user root, the same on all machines.
pub(super) struct Password {
    value: Zeroizing<String>,
    trial: Mutex<Trial>,
}

/// What became of the password so far.
enum Trial {
    /// Nobody was given it yet.
    Untried,
    /// A machine took it.
    Taken,
    /// A machine refused it before any took it: it is wrong, and whoever counts wrong passwords for
    /// all machines would lock the user out.
    Refused(MachineName),
}

impl Password {
    /// Makes one of its text.
    pub(super) fn new(value: Zeroizing<String>) -> Self {
        Self {
            value,
            trial: Mutex::new(Trial::Untried),
        }
    }

    /// Why a machine need not even be asked, where one refused the password already. `refused`
    /// says whether this one did.
    pub(super) async fn barred(&self, refused: &AtomicBool) -> Option<String> {
        if refused.load(Ordering::Relaxed) {
            let reason = "`sudo` did not take the password before, and is not asked again";
            return Some(reason.to_owned());
        }
        match &*self.trial.lock().await {
            Trial::Refused(machine) => Some(spared(machine)),
            Trial::Untried | Trial::Taken => None,
        }
    }
}

fn spared(other: &MachineName) -> String {
    format!("machine `{other}` did not take the password, so no other is given it")
}

/// What tells a question and root's shell from everything else.
pub(super) struct Marks {
    question: String,
    root: String,
}

impl Marks {
    /// Makes marks that nobody knows yet.
    pub(super) fn new() -> std::io::Result<Self> {
        let mut bytes = [0; 16];
        rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())?;
        let number = u128::from_ne_bytes(bytes);
        Ok(Self {
            question: format!("password-{number:032x}"),
            root: format!("root-{number:032x}"),
        })
    }

    /// What is run on the machine. The login shell reads it, whichever that is, so it is kept
    /// plain.
    pub(super) fn command(&self) -> String {
        let Self { question, root } = self;
        format!(
            "sh -c 'if test \"$(id -u)\" = 0; then echo {root}; exec sh; \
             else exec sudo -S -p {question} sh -c \"echo {root}; exec sh\"; fi'"
        )
    }
}

/// What came of becoming root.
enum Heard {
    Question,
    Root,
    Ended,
}

/// What a machine says before root's shell speaks.
struct Ascent<'a> {
    pipes: &'a mut Pipes,
    marks: &'a Marks,
    output: Vec<u8>,
    words: Vec<u8>,
    deaf: bool,
}

/// Becomes root: afterwards the pipes lead to root's shell. `refused` is set where this machine did
/// not take the password, which it is not given again then.
pub(super) async fn become_root(
    machine: &MachineName,
    pipes: &mut Pipes,
    marks: &Marks,
    password: &Password,
    refused: &AtomicBool,
    patience: Duration,
) -> Result<(), String> {
    let mut ascent = Ascent {
        pipes,
        marks,
        output: Vec::new(),
        words: Vec::new(),
        deaf: false,
    };
    match timeout(patience, ascent.hear()).await {
        Ok(Heard::Root) => return Ok(()),
        Ok(Heard::Question) => {}
        Ok(Heard::Ended) => return Err(ascent.account("`sudo` does not let the user become root")),
        Err(_) => return Err(ascent.account("`sudo` does not ask for a password")),
    }
    // Until one machine took it, the password is given to one machine at a time.
    let mut trial = password.trial.lock().await;
    let given = match &*trial {
        Trial::Refused(other) => return Err(spared(other)),
        Trial::Taken => {
            drop(trial);
            timeout(patience, ascent.give(&password.value)).await
        }
        Trial::Untried => {
            let given = timeout(patience, ascent.give(&password.value)).await;
            match &given {
                Ok(Heard::Root) => *trial = Trial::Taken,
                Ok(_) => *trial = Trial::Refused(machine.clone()),
                Err(_) => {}
            }
            given
        }
    };
    match given {
        Ok(Heard::Root) => Ok(()),
        Ok(Heard::Question | Heard::Ended) => {
            refused.store(true, Ordering::Relaxed);
            Err(ascent.account("`sudo` did not take the password, which was given once"))
        }
        Err(_) => Err(ascent.account("`sudo` said nothing after it was given the password")),
    }
}

impl Ascent<'_> {
    async fn give(&mut self, password: &str) -> Heard {
        let mut line = Zeroizing::new(Vec::with_capacity(password.len() + 1));
        line.extend_from_slice(password.as_bytes());
        line.push(b'\n');
        // Where it cannot be written there will be no answer either.
        let _ = self.pipes.input.write_all(&line).await;
        let _ = self.pipes.input.flush().await;
        self.words.clear();
        self.hear().await
    }

    /// Waits for the next thing that is to be understood.
    async fn hear(&mut self) -> Heard {
        let mut chunk = [0; 1024];
        let mut aside = [0; 1024];
        loop {
            tokio::select! {
                read = self.pipes.output.read(&mut chunk) => {
                    let Ok(length @ 1..) = read else {
                        let _ = timeout(LAST_WORDS, self.rest()).await;
                        return Heard::Ended;
                    };
                    keep(&mut self.output, chunk.get(..length).unwrap_or_default());
                    if contains(&self.output, &self.marks.root) {
                        return Heard::Root;
                    }
                }
                read = self.pipes.errors.read(&mut aside), if !self.deaf => {
                    let Ok(length @ 1..) = read else {
                        self.deaf = true;
                        continue;
                    };
                    keep(&mut self.words, aside.get(..length).unwrap_or_default());
                    if contains(&self.words, &self.marks.question) {
                        return Heard::Question;
                    }
                }
            }
        }
    }

    async fn rest(&mut self) {
        let mut aside = [0; 1024];
        while let Ok(length @ 1..) = self.pipes.errors.read(&mut aside).await {
            keep(&mut self.words, aside.get(..length).unwrap_or_default());
        }
    }

    /// What happened, with the machine's words where it had any.
    fn account(&self, what: &str) -> String {
        let words = String::from_utf8_lossy(&self.words).replace(&self.marks.question, "");
        let words: String = words
            .chars()
            .filter(|c| *c == '\n' || !c.is_control())
            .take(500)
            .collect();
        match reason(&words) {
            words if words.is_empty() => what.to_owned(),
            words => format!("{what}: {words}"),
        }
    }
}

/// Keeps the end of what was said.
fn keep(kept: &mut Vec<u8>, said: &[u8]) {
    kept.extend_from_slice(said);
    let beyond = kept.len().saturating_sub(MOST_WORDS);
    kept.drain(..beyond);
}

fn contains(said: &[u8], mark: &str) -> bool {
    said.windows(mark.len()).any(|part| part == mark.as_bytes())
}

#[cfg(test)]
mod tests {
    use std::process::Stdio;
    use std::sync::Arc;

    use tokio::process::Command;

    use super::*;

    /// A `sudo` that behaves as this script says, and what came of it: the result, and what a shell
    /// answers afterwards.
    async fn ascend(sudo: &str, password: &Password) -> (Result<(), String>, String) {
        use std::os::unix::fs::PermissionsExt as _;
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("sudo");
        std::fs::write(&path, format!("#!/bin/sh\n{sudo}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        let id = place.path().join("id");
        std::fs::write(&id, "#!/bin/sh\necho 1000\n").unwrap();
        std::fs::set_permissions(&id, std::fs::Permissions::from_mode(0o755)).unwrap();
        let marks = Marks::new().unwrap();
        let path = format!(
            "{}:{}",
            place.path().display(),
            std::env::var("PATH").unwrap()
        );
        let mut child = Command::new("sh")
            .args(["-c", &marks.command()])
            .env("PATH", path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut pipes = Pipes {
            input: Box::new(child.stdin.take().unwrap()),
            output: Box::new(child.stdout.take().unwrap()),
            errors: Box::new(child.stderr.take().unwrap()),
            keeper: Box::new(child),
            gate: None,
        };
        let machine = MachineName::new("m1").unwrap();
        let refused = AtomicBool::new(false);
        let patience = Duration::from_secs(2);
        let result = become_root(&machine, &mut pipes, &marks, password, &refused, patience).await;
        let _ = pipes.input.write_all(b"echo at work\n").await;
        drop(pipes.input);
        let mut after = String::new();
        let _ = pipes.output.read_to_string(&mut after).await;
        (result, after)
    }

    fn password() -> Password {
        Password::new(Zeroizing::new("correct horse".to_owned()))
    }

    /// Reads its input byte by byte, as sudo does.
    const ASKS: &str = "printf '%s' \"$3\" >&2; IFS= read -r word; \
                        if [ \"$word\" = 'correct horse' ]; then shift 3; exec \"$@\"; fi";

    #[tokio::test]
    async fn gives_the_password_where_it_is_asked_for_and_a_script_to_root_only() {
        let (result, after) = ascend(ASKS, &password()).await;
        assert_eq!((result, after.as_str()), (Ok(()), "at work\n"));
    }

    #[tokio::test]
    async fn gives_no_password_where_none_is_asked_for() {
        let (result, after) = ascend("shift 3; exec \"$@\"", &password()).await;
        // Had the shell been given the password, it would have complained instead.
        assert_eq!((result, after.as_str()), (Ok(()), "at work\n"));
    }

    #[tokio::test]
    async fn gives_a_wrong_password_once_and_to_nobody_else() {
        let place = tempfile::tempdir().unwrap();
        let count = place.path().join("count");
        let sudo = format!(
            "for i in 1 2 3; do printf '%s' \"$3\" >&2; IFS= read -r word || exit 1; \
             echo \"$word\" >>{}; echo 'Sorry, try again.' >&2; done",
            count.display()
        );
        let password = password();
        let (result, after) = ascend(&sudo, &password).await;
        let words = result.unwrap_err();
        assert!(words.contains("did not take the password"), "{words}");
        assert!(words.contains("Sorry, try again."), "{words}");
        assert!(!words.contains("password-"), "{words}");
        assert_eq!(after, "");
        let (result, _) = ascend(&sudo, &password).await;
        assert!(result.unwrap_err().contains("machine `m1` did not take"));
        let given = std::fs::read_to_string(&count).unwrap();
        // What is given after a refusal is no further password: the test's own script line.
        assert_eq!(given.matches("correct horse").count(), 1, "{given}");
    }

    #[tokio::test]
    async fn tells_what_else_was_said() {
        for (sudo, wanted) in [
            (
                "echo 'sorry, you must have a tty to run sudo' >&2; exit 1",
                "does not let the user become root: sorry, you must have a tty",
            ),
            (
                "printf 'Verification code: ' >&2; cat >/dev/null",
                "does not ask for a password: Verification code:",
            ),
        ] {
            let (result, after) = ascend(sudo, &password()).await;
            let words = result.unwrap_err();
            assert!(words.contains(wanted), "{words}");
            assert_eq!(after, "");
        }
    }

    #[tokio::test]
    async fn a_machine_that_refuses_what_another_took_is_on_its_own() {
        let password = Arc::new(password());
        assert_eq!(ascend(ASKS, &password).await.0, Ok(()));
        let other = ASKS.replace("correct", "another");
        assert!(ascend(&other, &password).await.0.is_err());
        assert_eq!(ascend(ASKS, &password).await.0, Ok(()));
    }
}
