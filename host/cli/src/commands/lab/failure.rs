//! How the failures of a lab look on the command line.

use cellhost_lab::LabError;

use crate::error::{CommandError, Kind};

/// Sorts a failure of the lab, and adds what may help.
pub(super) fn failed(error: LabError) -> CommandError {
    let hint = match &error {
        LabError::NotRunning { .. } => Some("bring one up with `cellhost lab up 3`"),
        LabError::OtherImage { .. } => Some("remove the lab with `cellhost lab down` first"),
        LabError::NoAnswer { .. } => Some("remove what is left with `cellhost lab down`"),
        LabError::WrongState { .. } => Some("see `cellhost lab status`"),
        _ => None,
    };
    let kind = match &error {
        LabError::UnknownMachine { .. }
        | LabError::UnknownImage { .. }
        | LabError::SameMachine { .. }
        | LabError::UnfitDirectory { .. }
        | LabError::WrongCount { .. } => Kind::Usage,
        _ => Kind::Failed,
    };
    let error = CommandError::new(kind, error);
    match hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}
