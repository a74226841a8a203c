use crate::bindings::cellhost::exec::exec::{self, Input, Text};
use crate::{Answer, Doubt, Failure, Machine, Secret, Sign};

const USUAL_DEADLINE: u32 = 30_000;

/// A program to start on a machine. No shell reads its arguments.
#[derive(Clone, Debug)]
pub struct Command(exec::Command);

impl Command {
    /// Names the program and its arguments. Arguments are public on a machine: no secret here.
    pub fn new<A: Into<String>>(argv: impl IntoIterator<Item = A>) -> Self {
        Self(exec::Command {
            argv: argv.into_iter().map(Into::into).collect(),
            input: Input::Nothing,
            environment: Vec::new(),
            user: None,
            deadline: USUAL_DEADLINE,
        })
    }

    /// Sets a variable for it.
    pub fn environment(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let value = Text::Plain(value.into());
        self.0.environment.push((name.into(), value));
        self
    }

    /// Sets a variable for it to the value of a secret.
    pub fn environment_secret(mut self, name: impl Into<String>, secret: &Secret) -> Self {
        let value = Text::Secret(secret.name().to_owned());
        self.0.environment.push((name.into(), value));
        self
    }

    /// Gives it these bytes to read.
    pub fn input(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.0.input = Input::Bytes(bytes.into());
        self
    }

    /// Gives it the value of a secret to read.
    pub fn input_secret(mut self, secret: &Secret) -> Self {
        self.0.input = Input::Secret(secret.name().to_owned());
        self
    }

    /// Runs it as this user.
    pub fn user(mut self, user: impl Into<String>) -> Self {
        self.0.user = Some(user.into());
        self
    }

    /// Ends it after so many seconds; 30 where nothing is said.
    pub fn deadline_seconds(mut self, seconds: u32) -> Self {
        self.0.deadline = seconds.saturating_mul(1000);
        self
    }

    /// Returns the program and its arguments.
    pub fn argv(&self) -> &[String] {
        &self.0.argv
    }

    /// Runs it on a machine; it must only look.
    pub fn probe(&self, machine: &Machine) -> Result<Answer, Failure> {
        self.look(machine, None)
    }

    /// Runs it as `probe` does, with the answer that a dry run is to assume where the real run
    /// would meet a different machine.
    pub fn probe_assuming(&self, machine: &Machine, assumed: Answer) -> Result<Answer, Failure> {
        self.look(machine, Some(assumed))
    }

    /// Repeats it, which must only look, until its answer shows the sign or so many seconds
    /// have passed.
    pub fn wait(
        &self,
        machine: &Machine,
        sign: &Sign,
        patience_seconds: u32,
    ) -> Result<Answer, Failure> {
        let patience = patience_seconds.saturating_mul(1000);
        let answer = exec::wait(machine, &self.0, sign.inner(), patience);
        Ok(answer.map_err(|error| self.explain(error))?.into())
    }

    /// Runs it on a machine to change something there.
    pub fn run(&self, machine: &Machine, when_in_doubt: Doubt) -> Result<Ran, Failure> {
        match exec::run(machine, &self.0, &when_in_doubt.into()) {
            Ok(exec::Ran::Done(answer)) => Ok(Ran::Done(answer.into())),
            Ok(exec::Ran::Skipped) => Ok(Ran::Skipped),
            Err(error) => Err(self.explain(error)),
        }
    }

    fn look(&self, machine: &Machine, assumed: Option<Answer>) -> Result<Answer, Failure> {
        let assumed = assumed.map(Into::into);
        let answer = exec::probe(machine, &self.0, assumed.as_ref());
        Ok(answer.map_err(|error| self.explain(error))?.into())
    }

    fn explain(&self, error: exec::Error) -> Failure {
        Failure::from(error).about(&format!("`{}`", self.0.argv.join(" ")))
    }

    pub(crate) fn into_inner(self) -> exec::Command {
        self.0
    }
}

/// What came of a `run`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Ran {
    /// It ran and ended so. A status other than 0 is for the module to judge.
    Done(Answer),
    /// This is a dry run: the command was recorded and not sent.
    Skipped,
}

impl Ran {
    /// Fails, with what was attempted and the program's own words, unless it ended with status
    /// 0 or was skipped by a dry run.
    pub fn expect_success(self, attempt: &str) -> Result<(), Failure> {
        match self {
            Self::Done(answer) if !answer.is_success() => {
                Err(Failure::failed(answer.complaint()).about(attempt))
            }
            Self::Done(_) | Self::Skipped => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_skipped_command_counts_as_success() {
        assert_eq!(Ran::Skipped.expect_success("cannot meet"), Ok(()));
    }

    #[test]
    fn a_secret_stays_out_of_the_arguments() {
        let command = Command::new(["redis-cli", "PING"])
            .environment_secret("REDISCLI_AUTH", &Secret::named("redis"));
        assert_eq!(command.argv(), ["redis-cli", "PING"]);
    }
}
