//! What concerns one machine: the program, its configuration, its service.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use cellhost_sdk::Resource;
use cellhost_sdk::prelude::*;
use cellhost_sdk::serde_json::Value;

use crate::health;
use crate::inputs::{self, Gathered};
use crate::settings::Settings;
use crate::source::Source;

const NAME: &str = "telegraf";
const ROOM: &str = "/etc/telegraf";
const HOME: &str = "/etc/telegraf/cell";
const CONFIGURATION: &str = "/etc/telegraf/cell/telegraf.conf";
/// What is tried before it takes the configuration's place.
const CANDIDATE: &str = "/etc/telegraf/cell/candidate.conf";
const TRY: &str = "/etc/telegraf/cell/try";
/// Has a file for the configuration that was tried last and found good.
const TRIED: &str = "/etc/telegraf/cell/tried";
const UNIT: &str = "/etc/systemd/system/telegraf.service";
/// Where a container sees the machine.
const SEEN: [(&str, &str); 3] = [
    (HOME, HOME),
    ("/proc", "/hostfs/proc"),
    ("/sys", "/hostfs/sys"),
];

/// Brings one machine to where it should be. A configuration goes live only once Telegraf has tried
/// it, beside the one that it would replace.
pub(crate) fn apply(cell: &Cell<Settings>, machine: &Machine) -> Result<(), Failure> {
    let settings = cell.settings();
    let gathered = inputs::on(cell, &settings.inputs, machine);
    let variables = variables(cell, machine, &gathered);
    let image = settings.source.image();
    let group = image.map_or(NAME.to_owned(), |image| image.group.to_string());
    let configuration = |path: &str| -> Result<File, Failure> {
        let file = File::at(path).rendered("telegraf.conf", &variables)?;
        Ok(file.mode(0o640).owner("root").group(&group))
    };
    let tried = Directory::at(TRIED).mode(0o755);
    let mark = mark(settings, &variables)?;
    let trial = Creation::at(&mark, ["sh", TRY, &mark]).deadline_seconds(120);
    let changes = machine.ensure((
        image.is_none().then(|| account(&gathered)),
        Directory::at(HOME).mode(0o755),
        if image.is_some() {
            tried
        } else {
            tried.owner(NAME)
        },
        File::at(TRY).rendered("try", &variables)?.mode(0o755),
        configuration(CANDIDATE)?,
        image.is_none().then(|| unit(&variables)).transpose()?,
        // Nobody can foretell what stands behind a package.
        settings.source.wishes(),
        if image.is_some() {
            trial
        } else {
            trial.user(NAME)
        },
        configuration(CONFIGURATION)?,
        running(settings, &gathered),
    ))?;
    if changes.any() {
        health::await_answer(machine, settings.health_port)?;
    }
    Ok(())
}

/// Takes Telegraf off. It has no data of its own.
pub(crate) fn remove(settings: &Settings, machine: &Machine) -> Result<(), Failure> {
    let is_package = matches!(settings.source, Source::Package(_));
    machine.ensure((
        stopped(),
        NoContainer::named(NAME),
        machine.absent_with_room(HOME)?,
        settings.source.gone(),
        // Its group goes with it.
        (!is_package).then(|| NoUser::named(NAME)),
    ))?;
    Ok(())
}

/// Wishes for whom Telegraf runs as. Its package would make the same.
fn account(gathered: &[Gathered]) -> impl Wishes + use<> {
    let by_socket = |one: &Gathered| {
        let has_socket = one.servers.iter().any(|server| server.starts_with('/'));
        one.kind.group.or(has_socket.then_some(one.kind.name))
    };
    let user = User::named(NAME).home(ROOM).shell("/bin/false");
    let groups: Vec<&str> = gathered.iter().filter_map(by_socket).collect();
    (Group::named(NAME), user.member_of(groups))
}

fn unit(variables: &Value) -> Result<UnitFile, Failure> {
    UnitFile::rendered("telegraf.service", "telegraf.service", variables)
}

/// Wishes for it to run by its service or in its container, and not by the other.
fn running(settings: &Settings, gathered: &[Gathered]) -> Vec<Resource> {
    let Some(image) = settings.source.image() else {
        let program = settings.source.watched().into_iter();
        let service = Service::named(NAME)
            .enabled()
            .running()
            .restart_for(program.chain([UNIT.to_owned()]))
            .reload_for([CONFIGURATION]);
        return vec![NoContainer::named(NAME).into(), service.into()];
    };
    let mut container = Container::named(NAME, &image.image)
        // It looks for changes by itself, so that none has to start it anew.
        .command([
            "telegraf",
            "--config",
            CONFIGURATION,
            "--watch-config",
            "poll",
        ])
        .network("host");
    for (source, target) in volumes(gathered) {
        container = container.read_only_volume(source, target);
    }
    for (name, value) in environment() {
        container = container.environment(name, value);
    }
    let mut wishes = stopped();
    wishes.push(container.into());
    wishes
}

fn stopped() -> Vec<Resource> {
    vec![
        Service::named(NAME).disabled().stopped().into(),
        NoUnitFile::named("telegraf.service").into(),
    ]
}

fn volumes(gathered: &[Gathered]) -> Vec<(&'static str, &'static str)> {
    let sockets = gathered.iter().filter_map(|one| one.kind.seen);
    let sockets = sockets.map(|path| (path, path));
    SEEN.into_iter().chain(sockets).collect()
}

fn environment() -> [(&'static str, &'static str); 2] {
    [("HOST_PROC", "/hostfs/proc"), ("HOST_SYS", "/hostfs/sys")]
}

/// Names what was tried: the configuration, its secrets by name, and the program. A secret's value
/// alone cannot spoil a configuration.
fn mark(settings: &Settings, variables: &Value) -> Result<String, Failure> {
    let mut hasher = DefaultHasher::new();
    cellhost_sdk::render("telegraf.conf", variables)?.hash(&mut hasher);
    settings.source.hash(&mut hasher);
    Ok(format!("{TRIED}/{:016x}", hasher.finish()))
}

fn variables(cell: &Cell<Settings>, machine: &Machine, gathered: &[Gathered]) -> Value {
    let settings = cell.settings();
    let mut tags = settings.tags.clone();
    tags.insert("cell".to_owned(), cell.name());
    tags.extend(machine.zone().map(|zone| ("zone".to_owned(), zone)));
    let roles = machine.roles().join(",");
    tags.extend((!roles.is_empty()).then(|| ("roles".to_owned(), roles)));
    let inputs = gathered.iter().map(|one| {
        let input = one.kind.setting(&settings.inputs);
        json!({
            "kind": one.kind.name,
            "servers": one.servers,
            "user": input.user,
            "password": input.password,
        })
    });
    json!({
        "cell": cell.name(),
        "name": machine.name(),
        "tags": tags,
        "seconds": settings.seconds().unwrap_or(10),
        "buffer": settings.buffer,
        "outputs": settings.outputs,
        "health_port": settings.health_port,
        "inputs": inputs.collect::<Vec<_>>(),
        "program": settings.source.program(),
        "configuration": CONFIGURATION,
        "candidate": CANDIDATE,
        "image": settings.source.image().map(|image| &image.image),
        "volumes": volumes(gathered),
        "environment": environment().into_iter().collect::<BTreeMap<_, _>>(),
    })
}
