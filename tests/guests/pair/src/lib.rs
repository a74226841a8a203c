//! Two services, each of which restarts for a file of its own and writes down what it starts with.

use cellhost_sdk::prelude::*;

/// What the plan can set.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Settings {
    /// What is in the file of the one.
    one: String,
    /// What is in the file of the other.
    other: String,
    /// How many files are written beside that of the one, with the same text. No service reads them.
    #[serde(default)]
    notes: u8,
    /// Who gets the file of the one; root where nobody is named.
    #[serde(default)]
    owner: Option<String>,
    /// Another instance, which says what is in the file of the one instead.
    #[serde(default)]
    told_by: Option<String>,
    /// Whether to tell others what the first member's service of the one has started with.
    #[serde(default)]
    tells: bool,
    /// A package that is there before anything else.
    #[serde(default)]
    package: Option<String>,
}

struct Pair;

impl Module for Pair {
    type Settings = Settings;

    fn validate(_: &Cell<Settings>) -> Vec<Problem> {
        Vec::new()
    }

    fn apply(cell: &Cell<Settings>, machine: &Machine) -> Result<(), Failure> {
        let settings = cell.settings();
        let told = settings.told_by.as_ref();
        let told = told.and_then(|other| cell.output(other, "started"));
        let text = told.as_ref().unwrap_or(&settings.one);
        let one = File::at(file("one")).text(format!("{text}\n"));
        let one = match &settings.owner {
            Some(owner) => one.owner(owner),
            None => one,
        };
        let notes: Vec<File> = (0..settings.notes)
            .map(|number| File::at(format!("/etc/pair/note-{number}")).text(format!("{text}\n")))
            .collect();
        machine.ensure((
            settings
                .package
                .as_ref()
                .map(|name| Software::named([name.as_str()])),
            Directory::at("/etc/pair"),
            Directory::at("/var/lib/pair"),
            File::at(unit("one")).text(service("one")),
            File::at(unit("other")).text(service("other")),
            one,
            notes,
            File::at(file("other")).text(format!("{}\n", settings.other)),
            ["one", "other"].map(|name| {
                Service::named(format!("pair-{name}"))
                    .enabled()
                    .running()
                    .restart_for([file(name), unit(name)])
            }),
        ))?;
        Ok(())
    }

    fn form(cell: &Cell<Settings>) -> Result<(), Failure> {
        if let (true, Some(first)) = (cell.settings().tells, cell.members().first()) {
            let started = Command::new(["cat", "/var/lib/pair/one"]).probe(first)?;
            cell.publish("started", &started.text());
        }
        Ok(())
    }

    fn health(_: &Cell<Settings>, _: &Machine) -> Result<Condition, Failure> {
        Ok(Condition::Healthy)
    }

    fn remove(_: &Cell<Settings>, machine: &Machine, _: bool) -> Result<(), Failure> {
        machine.ensure(
            ["one", "other"]
                .map(|name| Service::named(format!("pair-{name}")).disabled().stopped()),
        )?;
        Ok(())
    }
}

cellhost_sdk::export!(Pair);

fn file(name: &str) -> String {
    format!("/etc/pair/{name}.conf")
}

fn unit(name: &str) -> String {
    format!("/etc/systemd/system/pair-{name}.service")
}

fn service(name: &str) -> String {
    let file = file(name);
    format!(
        "[Service]\n\
         ExecStart=/bin/sh -c 'cat {file} >>/var/lib/pair/{name}; exec sleep infinity'\n\
         [Install]\n\
         WantedBy=multi-user.target\n"
    )
}
