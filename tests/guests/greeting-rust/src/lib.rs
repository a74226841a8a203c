//! A greeting in a file and a service that sleeps: the smallest module that uses every hook.

use cellhost_sdk::prelude::*;

const UNIT: &str = "/etc/systemd/system/greeting.service";

/// What the plan can set.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// What to say.
    greeting: String,
    /// The directory to say it in.
    #[serde(default = "usual_path")]
    path: String,
}

struct Greeting;

impl Module for Greeting {
    type Settings = Settings;

    fn validate(cell: &Cell<Settings>) -> Vec<Problem> {
        if cell.settings().greeting.is_empty() {
            vec![Problem::with("/greeting", "is empty; say something")]
        } else {
            Vec::new()
        }
    }

    fn outputs(cell: &Cell<Settings>) -> Vec<(String, String)> {
        vec![("path".to_owned(), file(cell.settings()))]
    }

    fn apply(cell: &Cell<Settings>, machine: &Machine) -> Result<(), Failure> {
        let settings = cell.settings();
        let peers: Vec<String> = cell
            .members()
            .iter()
            .filter(|member| member.ordinal() != machine.ordinal())
            .map(|peer| format!("{} {}", peer.name(), peer.address()))
            .collect();
        let variables = json!({
            "greeting": settings.greeting,
            "name": machine.name(),
            "ordinal": machine.ordinal(),
            "peers": peers,
        });
        machine.ensure((
            Directory::at(&settings.path).mode(0o755),
            File::at(file(settings))
                .rendered("greeting.txt", &variables)?
                .mode(0o644),
            File::at(UNIT)
                .rendered("greeting.service", &json!({}))?
                .mode(0o644),
            Service::named("greeting")
                .enabled()
                .running()
                .restart_for([file(settings), UNIT.to_owned()]),
        ))?;
        Ok(())
    }

    fn form(cell: &Cell<Settings>) -> Result<(), Failure> {
        cell.publish("members", &cell.members().len().to_string());
        Ok(())
    }

    fn health(_: &Cell<Settings>, machine: &Machine) -> Result<Condition, Failure> {
        let answer = Command::new(["systemctl", "is-active", "greeting"])
            .deadline_seconds(10)
            .probe_assuming(machine, Answer::assumed("active\n"))?;
        Ok(if answer.is_success() {
            Condition::Healthy
        } else {
            Condition::down(format!("greeting is {}", answer.text()))
        })
    }

    fn remove(cell: &Cell<Settings>, machine: &Machine, purge: bool) -> Result<(), Failure> {
        machine.ensure((
            Service::named("greeting").disabled().stopped(),
            Absent::at(UNIT),
            Absent::at(file(cell.settings())),
            purge.then(|| Absent::at(&cell.settings().path)),
        ))?;
        Ok(())
    }
}

cellhost_sdk::export!(Greeting);

fn usual_path() -> String {
    "/etc/greeting".to_owned()
}

fn file(settings: &Settings) -> String {
    format!("{}/greeting.txt", settings.path)
}
