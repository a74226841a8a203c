//! A cell's lock and records in a store, where its plan names one.

use std::path::Path;
use std::time::Duration;

use anyhow::anyhow;
use cellhost_plan::{CellName, Plan, spoken};
use cellhost_state::{Brought, Hold, Holder, LockError, Loss, Standing, Store, StoreError};

use crate::cell_lock::user;
use crate::directories;
use crate::error::{CommandError, Kind};
use crate::report;
use crate::terminal::Terminal;

/// The store of a plan's cell, where the plan names one.
pub(crate) fn store(plan: &Plan) -> Result<Option<Store>, CommandError> {
    let state = plan.state.as_ref();
    let store = state.map(|state| Store::open(state, &plan.cell));
    store.transpose().map_err(refused)
}

/// An error of a store, for people.
pub(crate) fn refused(error: StoreError) -> CommandError {
    match error {
        StoreError::NotBuilt { .. } => CommandError::new(Kind::Usage, error)
            .hint("take a cellhost that has it, or build it with `--features remote-state`"),
        StoreError::Unusable { .. } => CommandError::new(Kind::Usage, error),
        StoreError::Refused { .. } => CommandError::new(Kind::Failed, error).hint(
            "credentials are read from the environment, such as `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`",
        ),
        _ => CommandError::new(Kind::Failed, error),
    }
}

/// The lock of a cell in its store, held until this is dropped.
pub(crate) struct FarLock {
    pub(crate) store: Store,
    hold: Option<Hold>,
}

impl FarLock {
    /// Takes it for a command such as `run`, or says who has it.
    pub(crate) async fn take(
        store: Store,
        cell: &CellName,
        command: &str,
    ) -> Result<Self, CommandError> {
        let holder = Holder {
            token: ulid::Ulid::new().to_string(),
            controller: crate::controller::name()?,
            user: user(),
            host: crate::controller::host(),
            process: std::process::id(),
            command: command.to_owned(),
            run: None,
            since: jiff::Timestamp::now().to_string(),
        };
        match store.lock(holder).await {
            Ok(hold) => Ok(Self {
                store,
                hold: Some(hold),
            }),
            Err(LockError::Store(error)) => Err(refused(error)),
            Err(LockError::Taken(standing)) => Err(taken(cell, &standing)),
        }
    }

    pub(crate) fn hold(&self) -> Option<&Hold> {
        self.hold.as_ref()
    }

    pub(crate) fn loss(&self) -> Option<Loss> {
        self.hold.as_ref().map(|hold| hold.loss().clone())
    }

    /// Says which run it is held for.
    pub(crate) async fn held_for(&self, run: &str) -> Result<(), CommandError> {
        match &self.hold {
            Some(hold) => hold.held_for(run).await.map_err(refused),
            None => Ok(()),
        }
    }
}

impl Drop for FarLock {
    fn drop(&mut self) {
        let Some(hold) = self.hold.take() else { return };
        // Whatever way a command ends, the next one should not have to ask a person. Where this
        // does not come about, the lock stays, and is taken over from here or unlocked.
        let released = tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(hold.release())
        });
        if let Err(error) = released {
            tracing::debug!(%error, "the lock in the store stays");
        }
    }
}

fn taken(cell: &CellName, standing: &Standing) -> CommandError {
    let error = anyhow!(
        "another cellhost is at work on cell `{cell}`: {}",
        words(standing)
    );
    CommandError::new(Kind::Failed, error).hint(
        "wait until it ends; if it is dead, `cellhost unlock` takes its lock away. Commands that \
         only look, such as `run --dry-run`, go on beside it",
    )
}

/// Whose a lock is and how old, for people.
pub(crate) fn words(standing: &Standing) -> String {
    match standing {
        Standing::Free => "nobody by now".to_owned(),
        Standing::Unreadable { .. } => "somebody whose name cannot be read".to_owned(),
        Standing::Held { holder, sign } => {
            let run = holder.run.as_ref().map(|run| format!(", run {run}"));
            report::clean(&format!(
                "`{}` of {}@{}, process {}{}; taken {}, last sign of life {}",
                holder.command,
                holder.user,
                holder.host,
                holder.process,
                run.unwrap_or_default(),
                ago(&holder.since),
                ago(sign),
            ))
        }
    }
}

/// How long ago something was, by the clocks of two computers.
fn ago(moment: &str) -> String {
    let Ok(then) = moment.parse::<jiff::Timestamp>() else {
        return "at no time that can be read".to_owned();
    };
    let seconds = jiff::Timestamp::now().as_second() - then.as_second();
    let time = Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
    format!("{} ago", spoken(time))
}

/// Brings the records of a cell here.
pub(crate) async fn bring(
    store: &Store,
    cell: &CellName,
    terminal: &Terminal,
) -> Result<Brought, CommandError> {
    let directory = directories::state()?.join("runs").join(cell.as_str());
    directories::make(&directory)?;
    let brought = store.in_haste().bring(&directory).await.map_err(refused)?;
    for problem in &brought.problems {
        terminal.note(format!("not readable: {}", report::clean(problem)));
    }
    Ok(brought)
}

/// Brings records here for a command that reads them: those of the plan that is named, else of a
/// `plan.toml` where one stands here. Gives the store they came from. Where there is no plan or its
/// store does not answer, what is here has to do.
pub(crate) async fn refresh(
    plan: Option<&Path>,
    terminal: &Terminal,
) -> Result<Option<Store>, CommandError> {
    let usual = Path::new("plan.toml");
    let plan = match plan {
        Some(path) => crate::session::load(path, terminal)?,
        None => match Plan::load(usual) {
            Ok(plan) => plan,
            Err(_) => return Ok(None),
        },
    };
    let Some(store) = store(&plan)? else {
        return Ok(None);
    };
    if let Err(error) = bring(&store, &plan.cell, terminal).await {
        let why = report::clean(&format!("{:#}", error.error));
        terminal.note(format!("only what is on this computer: {why}"));
        return Ok(None);
    }
    Ok(Some(store))
}
