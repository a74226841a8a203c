//! One member in the hands of a rolling change: from before its change until it is healthy again.

use std::time::Duration;

use cellhost_effects::Hook;
use cellhost_plan::MachineName;

use crate::Status;
use crate::event::Happening;
use crate::gate::{Health, Paused, shown};
use crate::passage::Passage;
use crate::turn::Played;

/// What became of a member that was taken.
pub(super) enum Slot {
    /// Another rolling change had the machine in its hands. It has let go of it by now, but the
    /// look that chose this member is old: it has to be chosen again.
    Late,
    /// It is through; well or not.
    Through(Vec<Played>),
}

/// Changes a member and waits until it is healthy.
pub(super) async fn fill(passage: Passage, patience: Duration, machine: MachineName) -> Slot {
    let hold = passage.ground.hold(&machine);
    let Ok(_held) = hold.try_lock() else {
        let tell = |happening| {
            let stage = &passage.ground.stage;
            stage.tell(&passage.placed, Hook::Gate, Some(&machine), happening);
        };
        tell(Happening::Waiting {
            why: "another rolling change has this machine in its hands".to_owned(),
            waited: Duration::ZERO,
            patience: Duration::ZERO,
        });
        drop(hold.lock().await);
        tell(Happening::Ended {
            status: Status::Unchanged,
            hints: Vec::new(),
            took: Duration::ZERO,
        });
        return Slot::Late;
    };
    let applied = {
        // Closed never; a failed permit would only mean one turn more at once.
        let _permit = passage.ground.parallel.acquire().await.ok();
        passage.clone().turn(Hook::Apply, machine.clone()).await
    };
    let changed = matches!(applied.row.status, Status::Changed(_));
    let mut played = vec![applied];
    if changed {
        played.extend(recover(&passage, patience, &machine).await);
    }
    Slot::Through(played)
}

/// Waits until a member is healthy; gives the row of a gate that it did not pass.
async fn recover(passage: &Passage, patience: Duration, machine: &MachineName) -> Option<Played> {
    let stage = &passage.ground.stage;
    let mut gate = stage.gate(&passage.placed, machine);
    let status = loop {
        let health = {
            let _permit = passage.ground.parallel.acquire().await.ok();
            let view = passage.view.clone();
            stage.health(&passage.placed, view, machine.clone()).await
        };
        let Some(complaint) = health.complaint() else {
            break Status::Unchanged;
        };
        if health == Health::Interrupted {
            break Status::Skipped("interrupted".to_owned());
        }
        if gate.waited() >= patience {
            let waited = shown(patience);
            let why = format!("it is not healthy {waited} after its change: {complaint}");
            break Status::Failed(why);
        }
        if let Health::Lost(_) = health {
            // Such a look takes its time too, which no clock of a repeated run would show.
            gate.count(passage.ground.attempt);
        }
        match gate.pause(&complaint, patience).await {
            Paused::Really => {}
            Paused::Supposedly => break Status::Unchanged,
            Paused::Broken => break Status::Skipped("interrupted".to_owned()),
        }
    };
    gate.end(status).map(Played::of)
}
