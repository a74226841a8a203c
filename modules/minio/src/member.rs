//! What concerns one machine: the program, its drives, its service.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use cellhost_sdk::Resource;
use cellhost_sdk::prelude::*;

use crate::settings::{Pool, Settings};
use crate::source::Source;

const NAME: &str = "minio";
const USER: &str = "minio-user";
const HOME: &str = "/etc/minio/cell";
const CHECK: &str = "/etc/minio/cell/check";
/// What the plan says of the pools.
const WANTED: &str = "/etc/minio/cell/pools";
const ENVIRONMENT: &str = "/etc/default/minio";
const UNIT: &str = "/etc/systemd/system/minio.service";
const HOSTS: &str = "/etc/hosts";
/// Remembers what the drives were agreed to be. It stays as long as they keep their data.
const MEMORY: &str = "/var/lib/minio";
const KEPT: &str = "/var/lib/minio/pools";

/// Brings one machine to where it should be. Drives of one that has not agreed to these pools yet are
/// looked at before MinIO hears of them, and refused where they are something else.
pub(crate) fn apply(cell: &Cell<Settings>, machine: &Machine) -> Result<(), Failure> {
    let settings = cell.settings();
    let name = machine.name();
    let place = settings.place(&name).ok_or_else(|| nowhere(&name))?;
    let agreement = settings.agreement(place);
    let pool = settings.pools.get(place.0 - 1);
    let paths = pool.map(Pool::paths).unwrap_or_default();
    let set = pool.and_then(Pool::set).unwrap_or(0);
    let drives = || {
        paths
            .iter()
            .map(|path| drive(path, settings))
            .collect::<Vec<_>>()
    };
    let variables = json!({
        "cell": cell.name(),
        "name": name,
        "program": settings.source.program(),
        "drives": paths,
        "volumes": settings.volumes(),
        "arguments": arguments(settings),
        "root_user": settings.root_user,
        "root_password": settings.root_password,
        "options": options(settings),
    });
    let is_service = settings.source.image().is_none();
    let environment = File::at(ENVIRONMENT).rendered("environment", &variables)?;
    let unit = UnitFile::rendered("minio.service", "minio.service", &variables)?;
    machine.ensure((
        is_service.then(|| (Group::named(USER), User::named(USER))),
        [HOME, MEMORY].map(|path| Directory::at(path).mode(0o755)),
        names(cell),
        File::at(WANTED).text(&agreement).mode(0o644),
        File::at(CHECK).rendered("check", &json!({}))?.mode(0o755),
        settings.root_disks.then(drives),
        agreed(settings, &agreement, set, &paths),
        (!settings.root_disks).then(drives),
        // Not before: what stands here is what a member begins with when it starts by itself.
        is_service.then(|| (environment.mode(0o640).group(USER), unit)),
        // Nobody can foretell what stands behind a package.
        settings.source.wishes(),
        running(cell, &paths),
    ))?;
    Ok(())
}

/// Takes MinIO off; what is on the drives only with `purge`.
pub(crate) fn remove(settings: &Settings, machine: &Machine, purge: bool) -> Result<(), Failure> {
    let is_package = matches!(settings.source, Source::Package(_));
    let mut data = Vec::new();
    let place = settings.place(&machine.name()).filter(|_| purge);
    let pool = place.and_then(|(pool, _)| settings.pools.get(pool - 1));
    for drive in pool.map(Pool::paths).unwrap_or_default() {
        if machine.stat(&drive)?.is_some() {
            // The drive itself may be mounted.
            let entries = machine.entries(&drive)?.into_iter();
            let entries = entries.filter(|name| name != "lost+found");
            data.extend(entries.map(|name| Absent::at(format!("{drive}/{name}"))));
        }
    }
    machine.ensure((
        stopped(),
        NoContainer::named(NAME),
        machine.absent_with_room(HOME)?,
        Absent::at(ENVIRONMENT),
        NoLine::matching(HOSTS, r"\sminio-\d+-\d+$"),
        settings.source.gone(),
        data,
        purge.then(|| Absent::at(MEMORY)),
        // Without it, whoever gets its number next would own the data. Its group goes with it.
        (purge && !is_package).then(|| NoUser::named(USER)),
    ))?;
    Ok(())
}

fn nowhere(name: &str) -> Failure {
    Failure::failed(format!("{name} is in no pool"))
}

fn drive(path: &str, settings: &Settings) -> Directory {
    let directory = Directory::at(path);
    if settings.source.image().is_some() {
        // Whom the image's program runs as is the image's matter.
        return directory;
    }
    directory.mode(0o750).owner(USER).group(USER)
}

/// Wishes for the drives to be what the plan says.
fn agreed(settings: &Settings, agreement: &str, set: usize, paths: &[String]) -> Creation {
    let mut hasher = DefaultHasher::new();
    agreement.hash(&mut hasher);
    let mark = format!("{MEMORY}/agreed-{:016x}", hasher.finish());
    let set = set.to_string();
    let anywhere = if settings.root_disks { "yes" } else { "no" };
    let words = ["sh", CHECK, &mark, KEPT, WANTED, &set, anywhere];
    let paths = paths.iter().map(String::as_str);
    Creation::at(&mark, words.into_iter().chain(paths)).deadline_seconds(120)
}

/// Wishes for the names by which members know each other: numbers without a gap, as pools are
/// written.
fn names(cell: &Cell<Settings>) -> Vec<Resource> {
    let mut lines = Vec::new();
    for (name, address) in hosts(cell) {
        let line = Line::at(HOSTS, format!("{address} {name}"));
        lines.push(line.replacing(format!(r"\s{name}$")).into());
    }
    for (number, pool) in (1_usize..).zip(&cell.settings().pools) {
        if pool.decommissioned {
            lines.push(NoLine::matching(HOSTS, format!(r"\sminio-{number}-\d+$")).into());
        }
    }
    lines
}

fn hosts(cell: &Cell<Settings>) -> BTreeMap<String, String> {
    let members = cell.members().into_iter();
    let hosts = members.filter_map(|machine| {
        let (pool, place) = cell.settings().place(&machine.name())?;
        Some((format!("minio-{pool}-{place}"), machine.address()))
    });
    hosts.collect()
}

fn arguments(settings: &Settings) -> Vec<String> {
    let option = |name: &str, port: u16| [name.to_owned(), format!(":{port}")];
    let address = option("--address", settings.port);
    let console = option("--console-address", settings.console_port);
    address.into_iter().chain(console).collect()
}

fn options(settings: &Settings) -> BTreeMap<String, String> {
    let mut options = settings.options.clone();
    let mut set = |name: &str, value: Option<String>| {
        options.extend(value.map(|value| (name.to_owned(), value)));
    };
    let parity = settings.parity.map(|drives| format!("EC:{drives}"));
    set("MINIO_STORAGE_CLASS_STANDARD", parity);
    set("MINIO_SITE_REGION", settings.region.clone());
    let public = settings.public_metrics.then(|| "public".to_owned());
    set("MINIO_PROMETHEUS_AUTH_TYPE", public);
    // What its makers test it with: it lets drives be on the system's own disk.
    set("MINIO_CI_CD", settings.root_disks.then(|| "1".to_owned()));
    options
}

/// Wishes for it to run by its service or in its container, and not by the other.
fn running(cell: &Cell<Settings>, paths: &[String]) -> Vec<Resource> {
    let settings = cell.settings();
    let Some(image) = settings.source.image() else {
        let service = Service::named(NAME).enabled().running().restart_for([
            ENVIRONMENT,
            UNIT,
            settings.source.program(),
        ]);
        return vec![NoContainer::named(NAME).into(), service.into()];
    };
    // A container has a copy of the names, as they were when it was started.
    let names: Vec<String> = hosts(cell)
        .into_iter()
        .map(|(name, address)| format!("{name}={address}"))
        .collect();
    let words = ["server".to_owned()].into_iter();
    let mut container = Container::named(NAME, image)
        .command(words.chain(arguments(settings)).chain(settings.volumes()))
        .network("host")
        .environment("CELL_NAMES", names.join(","))
        .environment("MINIO_ROOT_USER", &settings.root_user)
        .environment_secret("MINIO_ROOT_PASSWORD", &settings.root_password);
    for (name, value) in options(settings) {
        container = container.environment(name, value);
    }
    for path in paths {
        container = container.volume(path, path);
    }
    let mut wishes = stopped();
    wishes.push(container.into());
    wishes
}

fn stopped() -> Vec<Resource> {
    vec![
        Service::named(NAME).disabled().stopped().into(),
        NoUnitFile::named("minio.service").into(),
    ]
}
