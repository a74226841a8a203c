//! One member in the hands of a rolling change: from before its change until it is healthy again.

use std::time::Duration;

use cellhost_effects::Hook;
use cellhost_plan::{MachineName, spoken};

use crate::Status;
use crate::event::Happening;
use crate::gate::{Gate, Health, Paused};
use crate::ground::Neighbour;
use crate::passage::Passage;
use crate::turn::Played;

/// What became of a member that was taken.
pub(super) enum Slot {
    /// Another rolling change had the machine in its hands, or its member there was down. That is
    /// over by now, but the look that chose this member is old: it has to be chosen again.
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
    for neighbour in passage
        .ground
        .neighbours(&machine, &passage.placed.usage.name)
    {
        match stand_by(&passage, patience, &machine, &neighbour).await {
            Neighbourhood::Well => {}
            Neighbourhood::Recovered => return Slot::Late,
            Neighbourhood::Down(played) => return Slot::Through(vec![played]),
        }
    }
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
            let waited = spoken(patience);
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

/// How the member of another module on the same machine is.
enum Neighbourhood {
    /// It serves, or is not known not to.
    Well,
    /// It was down, and serves again.
    Recovered,
    /// It stays down; the row that says so.
    Down(Played),
}

/// How long a member may be lost until it no longer counts: what follows is lost as well, or not.
const LOST: Duration = Duration::from_secs(10);

/// Waits until the member of another module on the same machine serves. Nobody has the machine in
/// its hands any more, but a change may have ended before its member was seen to be well again: it
/// failed on its way, or the run died then and is gone on with.
async fn stand_by(
    passage: &Passage,
    patience: Duration,
    machine: &MachineName,
    neighbour: &Neighbour,
) -> Neighbourhood {
    let stage = &passage.ground.stage;
    let mut gate: Option<Gate> = None;
    let (ended, status) = loop {
        let health = {
            let _permit = passage.ground.parallel.acquire().await.ok();
            let (placed, view) = (&neighbour.placed, neighbour.view.clone());
            stage.health(placed, view, machine.clone()).await
        };
        let Some(why) = health.outage() else {
            let waited = gate.is_some();
            break (
                waited.then_some(Neighbourhood::Recovered),
                Status::Unchanged,
            );
        };
        let lost = matches!(health, Health::Lost(_));
        let name = &neighbour.placed.usage.name;
        let why = format!("`{name}` is down on this machine ({why})");
        let gate = gate.get_or_insert_with(|| stage.gate(&passage.placed, machine));
        if lost && gate.waited() >= LOST.min(patience) {
            break (None, Status::Unchanged);
        }
        if gate.waited() >= patience {
            let waited = spoken(patience);
            break (
                None,
                Status::Failed(format!("not taken: {why}, for {waited}")),
            );
        }
        if lost {
            gate.count(passage.ground.attempt);
        }
        match gate.pause(&why, patience).await {
            Paused::Really => {}
            Paused::Supposedly => break (None, Status::Unchanged),
            Paused::Broken => break (None, Status::Skipped("interrupted".to_owned())),
        }
    };
    let row = gate.and_then(|gate| gate.end(status));
    match row {
        Some(row) => Neighbourhood::Down(Played::of(row)),
        None => ended.unwrap_or(Neighbourhood::Well),
    }
}
