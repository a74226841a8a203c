//! Servers that serve for as long as most of them are there and have a leader: what ZooKeeper is
//! to a deployment, with nothing of ZooKeeper in it. A restart takes one of them away for a while.

use cellhost_sdk::prelude::*;

/// What can be set.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// What the service is called: `quorum` or `council`, so that a machine can be in two.
    #[serde(default = "quorum")]
    name: String,
    /// Where servers listen.
    #[serde(default = "usual")]
    port: u16,
    /// What else is in the configuration.
    #[serde(default)]
    text: String,
}

fn quorum() -> String {
    "quorum".to_owned()
}

fn usual() -> u16 {
    2181
}

struct Quorum;

/// How a server answers.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Mode {
    Other,
    Follower,
    Leader,
}

impl Module for Quorum {
    type Settings = Settings;

    fn outputs(cell: &Cell<Settings>) -> Vec<(String, String)> {
        vec![("connect".to_owned(), servers(cell).join(","))]
    }

    /// The leader comes last, so that it moves once at most; who does not answer comes first.
    fn order(cell: &Cell<Settings>) -> Result<Vec<u32>, Failure> {
        let mut members: Vec<(Mode, u32)> = cell
            .members()
            .iter()
            .map(|machine| {
                (
                    mode(cell, machine).unwrap_or(Mode::Other),
                    machine.ordinal(),
                )
            })
            .collect();
        members.sort();
        Ok(members.into_iter().map(|(_, ordinal)| ordinal).collect())
    }

    fn apply(cell: &Cell<Settings>, machine: &Machine) -> Result<(), Failure> {
        let text = format!("{}\n{}\n", servers(cell).join("\n"), cell.settings().text);
        let name = &cell.settings().name;
        // The file that the service restarts for.
        let configuration = format!("/etc/{name}/{name}.conf");
        machine.ensure((
            Software::named([format!("{name}-server")]),
            Directory::at(format!("/etc/{name}")),
            File::at(format!("/etc/{name}/id")).text(format!("{}\n", machine.ordinal())),
            File::at(&configuration).text(text),
            Service::named(name)
                .enabled()
                .running()
                .restart_for([configuration]),
        ))?;
        Ok(())
    }

    fn health(cell: &Cell<Settings>, machine: &Machine) -> Result<Condition, Failure> {
        Ok(match mode(cell, machine)? {
            Mode::Leader | Mode::Follower => Condition::Healthy,
            Mode::Other => Condition::Down("it does not serve".to_owned()),
        })
    }

    fn remove(cell: &Cell<Settings>, machine: &Machine, _: bool) -> Result<(), Failure> {
        machine.ensure(Service::named(&cell.settings().name).disabled().stopped())?;
        Ok(())
    }
}

cellhost_sdk::export!(Quorum);

fn servers(cell: &Cell<Settings>) -> Vec<String> {
    let port = cell.settings().port;
    let members = cell.members();
    let server = |machine: &Machine| format!("{}:{port}", machine.address());
    members.iter().map(server).collect()
}

/// Asks a server what it is.
fn mode(cell: &Cell<Settings>, machine: &Machine) -> Result<Mode, Failure> {
    let answer = machine
        .dial(machine.address(), cell.settings().port)
        .assuming("Mode: follower\n")
        .deadline_seconds(2)
        .send("srvr")?;
    let answer = String::from_utf8_lossy(&answer);
    Ok(
        match answer.lines().find_map(|line| line.strip_prefix("Mode: ")) {
            Some("leader" | "standalone") => Mode::Leader,
            Some("follower") => Mode::Follower,
            _ => Mode::Other,
        },
    )
}
