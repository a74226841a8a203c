//! The rules of a plan that are looked at before anything runs.

use std::time::SystemTime;

use anyhow::anyhow;
use cellhost_engine::Deployment;
use cellhost_plan::Plan;

use crate::commands::counted;
use crate::error::{CommandError, Kind};

/// Refuses to begin when machines may not be changed.
pub(crate) fn are_open(plan: &Plan) -> Result<(), CommandError> {
    match plan.rules.hours {
        Some(hours) if !plan.rules.is_open(SystemTime::now()) => {
            let error = anyhow!("the plan's rules let machines be changed in {hours} only");
            Err(CommandError::new(Kind::Usage, error)
                .hint("`cellhost run --dry-run` says at any time what would change"))
        }
        _ => Ok(()),
    }
}

/// Refuses to go to more machines than the plan lets a run go to.
pub(crate) fn are_few(deployment: &Deployment) -> Result<(), CommandError> {
    let count = deployment.machines().count();
    match deployment.plan.rules.machines {
        Some(most) if count > most => {
            let error = anyhow!(
                "this would go to {}, and the plan's rules let a run go to {most} at most",
                counted(count, "machine")
            );
            Err(CommandError::new(Kind::Usage, error)
                .hint("take machines out of the plan, or raise `machines` in its `[rules]`"))
        }
        _ => Ok(()),
    }
}
