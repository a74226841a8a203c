//! What comes behind a quorum: a service that is told where it is, files step by step, and between
//! them jobs of which nobody but their own program knows whether they were done.

use cellhost_sdk::prelude::*;

/// The file that the service restarts for.
const CONFIGURATION: &str = "/etc/worker/worker.conf";

/// What can be set.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// How many steps there are on each machine.
    steps: u32,
    /// What else is in the configuration.
    #[serde(default)]
    text: String,
    /// Which kinds of jobs there are, in turn: `again`, `verify`, `ask`.
    #[serde(default = "every")]
    jobs: Vec<Job>,
}

/// What is to be done where nobody knows whether a job was.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Job {
    Again,
    Verify,
    Ask,
}

fn every() -> Vec<Job> {
    vec![Job::Again, Job::Verify, Job::Ask]
}

struct Worker;

impl Module for Worker {
    type Settings = Settings;

    fn apply(cell: &Cell<Settings>, machine: &Machine) -> Result<(), Failure> {
        let settings = cell.settings();
        let connect = cell
            .output("quorum", "connect")
            .ok_or_else(|| Failure::failed("nobody says where the quorum is"))?;
        machine.ensure((
            Software::named(["worker"]),
            Directory::at("/etc/worker"),
            File::at(CONFIGURATION).text(format!("{connect}\n{}\n", settings.text)),
            Service::named("worker")
                .enabled()
                .running()
                .restart_for([CONFIGURATION]),
        ))?;
        for step in 0..settings.steps {
            let path = format!("/etc/worker/step-{step}");
            machine.ensure(File::at(path).text(format!("{step} {}\n", settings.text)))?;
            let kinds = settings.jobs.len().max(1);
            let kind = usize::try_from(step).map_or(0, |step| step % kinds);
            if let Some(kind) = settings.jobs.get(kind) {
                job(*kind, &format!("{}-{step}", machine.name()), machine)?;
            }
        }
        Ok(())
    }

    fn form(cell: &Cell<Settings>) -> Result<(), Failure> {
        match cell.members().first() {
            Some(first) => job(Job::Verify, "together", first),
            None => Ok(()),
        }
    }

    fn health(_: &Cell<Settings>, _: &Machine) -> Result<Condition, Failure> {
        Ok(Condition::Healthy)
    }

    fn remove(_: &Cell<Settings>, machine: &Machine, _: bool) -> Result<(), Failure> {
        machine.ensure(Service::named("worker").disabled().stopped())?;
        Ok(())
    }
}

cellhost_sdk::export!(Worker);

/// Has a job done that was not done before.
fn job(kind: Job, name: &str, machine: &Machine) -> Result<(), Failure> {
    let command = |verb: &str| Command::new(["worker-job", verb, name]);
    if command("done").probe(machine)?.is_success() {
        return Ok(());
    }
    let (verb, doubt) = match kind {
        Job::Again => ("put", Doubt::Again),
        Job::Verify => ("add", Doubt::Verify(command("done"))),
        Job::Ask => ("draw", Doubt::Ask),
    };
    let ran = command(verb).run(machine, doubt)?;
    ran.expect_success(&format!("cannot do {name}"))
}
