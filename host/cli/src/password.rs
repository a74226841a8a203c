//! Passwords and secrets that are asked for on the terminal, once, at the beginning of a run.

use std::fs::File;
use std::io::{Read as _, Write as _};

use anyhow::anyhow;
use cellhost_effects::Vault;
use cellhost_plan::{Become, BecomeMethod, Plan, Problem, SecretName};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use crate::error::{CommandError, Kind};

/// The longest password that is read.
const LONGEST: usize = 1024;

/// The vault with the password that makes the login user root in it, and that password: what is
/// typed in, else the plan's secret, else none.
pub(crate) fn root_password(
    plan: &Plan,
    ask: bool,
    mut vault: Vault,
) -> Result<(Vault, Option<Zeroizing<String>>), CommandError> {
    let r#become = plan.ssh.r#become.as_ref();
    if !ask {
        let secret = r#become.and_then(|how| how.password.as_ref());
        let value = secret.and_then(|name| vault.reveal(name.as_str()));
        let value = value.map(|value| Zeroizing::new(value.to_owned()));
        return Ok((vault, value));
    }
    let usage = |error| CommandError::new(Kind::Usage, error);
    match r#become.map(|Become { method, .. }| method) {
        Some(BecomeMethod::Sudo) => {}
        Some(BecomeMethod::Doas) => {
            let error = anyhow!("`doas` takes a password from a terminal only");
            return Err(usage(error).hint("let the machines' doas.conf say `permit nopass`"));
        }
        None => {
            let error = anyhow!("the plan does not say how the login user becomes root");
            return Err(usage(error).hint("add `become = \"sudo\"` to `[ssh]`"));
        }
    }
    let Some(value) = ask_for("password for sudo on the machines: ").map_err(usage)? else {
        let error = anyhow!("interrupted; nothing was touched");
        return Err(CommandError::new(Kind::Interrupted, error));
    };
    let name = free_name(plan).map_err(|error| usage(error.into()))?;
    vault = vault
        .with(name, value.clone())
        .map_err(|error| usage(error.into()))?;
    Ok((vault, Some(value)))
}

/// A name that no secret of the plan has: what is typed in is for no module.
fn free_name(plan: &Plan) -> Result<SecretName, Problem> {
    let mut name = SecretName::new("typed-password")?;
    while plan.secrets.contains_key(&name) {
        name = SecretName::new(&format!("{name}-"))?;
    }
    Ok(name)
}

/// Asks a question on the terminal and reads the answer, which is not shown. None where
/// it was interrupted.
pub(crate) fn ask_for(question: &str) -> anyhow::Result<Option<Zeroizing<String>>> {
    let terminal = File::options().read(true).write(true).open("/dev/tty");
    let terminal = terminal
        .map_err(|_| anyhow!("there is no terminal on which to ask for it: name another source"))?;
    let mut silent = Silent::make(terminal)?;
    silent.terminal.write_all(question.as_bytes())?;
    let answer = silent.read()?;
    drop(silent);
    if answer.as_ref().is_some_and(|answer| answer.is_empty()) {
        return Err(anyhow!("nothing was typed in"));
    }
    Ok(answer)
}

/// A terminal that shows nothing of what is typed and hands over every key; as it was, once this is
/// dropped.
struct Silent {
    terminal: File,
    before: Termios,
}

impl Silent {
    fn make(terminal: File) -> anyhow::Result<Self> {
        let before = tcgetattr(&terminal)?;
        let mut modes = before.clone();
        // An interrupt is a key too: a program that dies here would leave the terminal silent.
        modes.local_modes -= LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG;
        tcsetattr(&terminal, OptionalActions::Flush, &modes)?;
        Ok(Self { terminal, before })
    }

    fn read(&mut self) -> anyhow::Result<Option<Zeroizing<String>>> {
        let mut typed = Zeroizing::new(Vec::with_capacity(LONGEST));
        loop {
            let mut key = [0];
            if self.terminal.read(&mut key)? == 0 {
                break;
            }
            match key {
                [b'\r' | b'\n' | 4] => break,
                [3 | 26 | 28] => return Ok(None),
                [8 | 127] => {
                    // A character is taken back as a whole.
                    while typed.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {}
                }
                [21] => typed.clear(),
                [byte] if typed.len() < LONGEST => typed.push(byte),
                _ => return Err(anyhow!("what was typed in is too long")),
            }
        }
        let text =
            std::str::from_utf8(&typed).map_err(|_| anyhow!("what was typed in is no text"))?;
        Ok(Some(Zeroizing::new(text.to_owned())))
    }
}

impl Drop for Silent {
    fn drop(&mut self) {
        let _ = tcsetattr(&self.terminal, OptionalActions::Flush, &self.before);
        let _ = self.terminal.write_all(b"\n");
    }
}
