use crate::bindings::cellhost::exec::exec;
use crate::{Answer, Command, Failure, Machine};

/// One look of many.
pub struct Check<'a> {
    machine: &'a Machine,
    command: Command,
    assumed: Option<Answer>,
}

impl<'a> Check<'a> {
    /// Looks at a machine with a command, which must only look.
    pub fn of(machine: &'a Machine, command: Command) -> Self {
        Self {
            machine,
            command,
            assumed: None,
        }
    }

    /// Says which answer a dry run is to assume where the real run would meet a different
    /// machine.
    pub fn assuming(mut self, assumed: Answer) -> Self {
        self.assumed = Some(assumed);
        self
    }
}

/// Takes many looks at once; answers stand in the order of the checks.
pub fn probe_all<'a>(checks: impl IntoIterator<Item = Check<'a>>) -> Vec<Result<Answer, Failure>> {
    let checks: Vec<exec::Check<'a>> = checks
        .into_iter()
        .map(|check| exec::Check {
            on: check.machine,
            command: check.command.into_inner(),
            assumed: check.assumed.map(Into::into),
        })
        .collect();
    exec::probe_all(&checks)
        .into_iter()
        .map(|answer| Ok(answer?.into()))
        .collect()
}
