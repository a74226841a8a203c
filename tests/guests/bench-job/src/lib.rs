//! The job that the bench measures: directories, rendered files, whole files, units, services and
//! guarded commands, 37 things on every machine. `job.json` says which, for the peers too.

use std::collections::BTreeMap;

use cellhost_sdk::prelude::*;

/// What is to be on every machine.
const JOB: &str = include_str!("../job.json");

/// The whole files, by the name that the job gives them.
const FILES: [(&str, &str); 5] = [
    ("accounts.csv", include_str!("../files/accounts.csv")),
    ("banner.txt", include_str!("../files/banner.txt")),
    (
        "bench-gateway.service",
        include_str!("../files/bench-gateway.service"),
    ),
    (
        "bench-ledger.service",
        include_str!("../files/bench-ledger.service"),
    ),
    ("blocklist.txt", include_str!("../files/blocklist.txt")),
];

/// What can be set.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// Whether there is a service manager, and so services.
    #[serde(default = "usual")]
    services: bool,
}

fn usual() -> bool {
    true
}

#[derive(Deserialize)]
struct Job {
    directories: Vec<Place>,
    templates: Vec<Rendered>,
    files: Vec<Whole>,
    units: Vec<Whole>,
    services: Vec<String>,
    commands: Vec<Guarded>,
}

#[derive(Deserialize)]
struct Place {
    path: String,
    mode: String,
}

#[derive(Deserialize)]
struct Rendered {
    template: String,
    #[serde(flatten)]
    place: Place,
    variables: BTreeMap<String, serde_json::Value>,
}

#[derive(Deserialize)]
struct Whole {
    file: String,
    #[serde(flatten)]
    place: Place,
}

#[derive(Deserialize)]
struct Guarded {
    creates: String,
    argv: Vec<String>,
}

impl Job {
    fn read() -> Result<Self, Failure> {
        Ok(serde_json::from_str(JOB)?)
    }

    /// Brings everything about in one list.
    fn ensure(&self, machine: &Machine, with_services: bool) -> Result<(), Failure> {
        let directories: Vec<Directory> = self
            .directories
            .iter()
            .map(|place| Ok(Directory::at(&place.path).mode(place.mode()?)))
            .collect::<Result<_, Failure>>()?;
        let rendered = self.templates.iter().map(|file| file.wish(machine));
        let whole = self.files.iter().chain(&self.units).map(Whole::wish);
        let files: Vec<File> = rendered.chain(whole).collect::<Result<_, _>>()?;
        let services: Vec<Service> = self
            .services
            .iter()
            .filter(|_| with_services)
            .map(|name| Service::named(name).enabled().running())
            .collect();
        let creations: Vec<Creation> = self
            .commands
            .iter()
            .map(|command| Creation::at(&command.creates, &command.argv))
            .collect();
        machine.ensure((directories, files, services, creations))?;
        Ok(())
    }
}

impl Place {
    fn mode(&self) -> Result<u16, Failure> {
        u16::from_str_radix(&self.mode, 8)
            .map_err(|_| Failure::failed(format!("`{}` is no mode", self.mode)))
    }
}

impl Rendered {
    fn wish(&self, machine: &Machine) -> Result<File, Failure> {
        let mut variables = self.variables.clone();
        variables.insert("machine".to_owned(), machine.name().into());
        variables.insert("address".to_owned(), machine.address().into());
        let file = File::at(&self.place.path).rendered(&self.template, &variables)?;
        Ok(file.mode(self.place.mode()?))
    }
}

impl Whole {
    fn wish(&self) -> Result<File, Failure> {
        let text = FILES
            .iter()
            .find_map(|(name, text)| (*name == self.file).then_some(*text))
            .ok_or_else(|| Failure::failed(format!("there is no file `{}`", self.file)))?;
        Ok(File::at(&self.place.path)
            .text(text)
            .mode(self.place.mode()?))
    }
}

struct BenchJob;

impl Module for BenchJob {
    type Settings = Settings;

    fn apply(cell: &Cell<Settings>, machine: &Machine) -> Result<(), Failure> {
        Job::read()?.ensure(machine, cell.settings().services)
    }

    fn health(_: &Cell<Settings>, machine: &Machine) -> Result<Condition, Failure> {
        Ok(match machine.stat("/etc/bench")? {
            Some(_) => Condition::Healthy,
            None => Condition::Down("nothing of the job is there".to_owned()),
        })
    }

    fn remove(_: &Cell<Settings>, machine: &Machine, _: bool) -> Result<(), Failure> {
        let job = Job::read()?;
        let services: Vec<Service> = job
            .services
            .iter()
            .map(|name| Service::named(name).disabled().stopped())
            .collect();
        let units: Vec<Absent> = job
            .units
            .iter()
            .map(|unit| Absent::at(&unit.place.path))
            .collect();
        machine.ensure((services, units, Absent::at("/etc/bench")))?;
        Ok(())
    }
}

cellhost_sdk::export!(BenchJob);
