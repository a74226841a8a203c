use crate::Command;
use crate::bindings::cellhost::exec::exec;

/// What a resumed run does about a command of which nobody knows whether it ran.
#[derive(Clone, Debug)]
pub enum Doubt {
    /// Runs it again: that does no harm.
    Again,
    /// Stops and asks the operator.
    Ask,
    /// Takes it as done if this command, which changes nothing, ends with status 0.
    Verify(Command),
}

impl From<Doubt> for exec::Doubt {
    fn from(doubt: Doubt) -> Self {
        match doubt {
            Doubt::Again => Self::Again,
            Doubt::Ask => Self::Ask,
            Doubt::Verify(command) => Self::Verify(command.into_inner()),
        }
    }
}
