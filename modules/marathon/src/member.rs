//! One instance on its machine.

use std::collections::BTreeMap;

use cellhost_sdk::prelude::*;

use crate::settings::Settings;
use crate::zk::{self, Places};

pub(crate) const SERVICE: &str = "marathon";
const HOME: &str = "/etc/marathon/cell";
const ENVIRONMENT: &str = "/etc/marathon/cell/environment";
const SECRET: &str = "/etc/marathon/cell/secret";
/// What has to stay for as long as this Marathon lives.
const IDENTITY: &str = "/etc/marathon/cell/identity";
const UNIT: &str = "/etc/systemd/system/marathon.service";
const USER: &str = "marathon";

/// Brings one machine to where it should be.
pub(crate) fn apply(cell: &Cell<Settings>, machine: &Machine) -> Result<(), Failure> {
    let settings = cell.settings();
    let places = zk::places(cell).map_err(Failure::failed)?;
    let identity = identity(settings);
    if let Some(known) = machine.read_if_any(IDENTITY, 4096)? {
        let known = String::from_utf8_lossy(&known).trim().to_owned();
        if known != identity {
            return Err(Failure::refused(another(
                &machine.name(),
                &known,
                &identity,
            )));
        }
    }
    let flags = flags(settings, machine, &places);
    let secret = settings.credential.as_ref().map(|credential| {
        let variables = json!({ "secret": credential.secret });
        let file = File::at(SECRET).rendered("secret", &variables)?;
        Ok::<_, Failure>(file.mode(0o640).group(USER))
    });
    let variables = json!({
        "variables": flags.keys().collect::<Vec<_>>(),
        "image": settings.source.image,
        "program": settings.source.program(),
    });
    machine.ensure((
        Group::named(USER),
        User::named(USER),
        Directory::at(HOME).mode(0o755),
        File::at(IDENTITY).text(format!("{identity}\n")).mode(0o644),
        secret.transpose()?,
        File::at(ENVIRONMENT)
            .rendered("environment", &json!({ "variables": flags }))?
            .mode(0o640)
            .group(USER),
        UnitFile::rendered(format!("{SERVICE}.service"), "marathon.service", &variables)?,
        // Nothing before needs it, and nobody can foretell what stands behind a package.
        settings.source.wishes(),
        service(settings),
    ))?;
    Ok(())
}

/// Takes it off a machine. What it knows is in ZooKeeper, and tasks go on.
pub(crate) fn remove(settings: &Settings, machine: &Machine) -> Result<(), Failure> {
    machine.ensure((
        Service::named(SERVICE).disabled().stopped(),
        NoUnitFile::named(format!("{SERVICE}.service")),
        machine.absent_with_room(HOME)?,
        settings.source.remains(),
        // Nothing is its own any more; its group goes with it. A package's is the package's.
        settings.source.is_brought().then(|| NoUser::named(USER)),
    ))?;
    Ok(())
}

fn service(settings: &Settings) -> Service {
    let mut paths = [ENVIRONMENT, SECRET, UNIT].map(str::to_owned).to_vec();
    paths.extend(settings.source.link());
    let service = Service::named(SERVICE).enabled().running();
    service.restart_for(paths)
}

/// Returns what it is told by its environment: that is in no list of processes.
fn flags(settings: &Settings, machine: &Machine, places: &Places) -> BTreeMap<String, String> {
    let flag = |name: &str| format!("MARATHON_{}", name.to_ascii_uppercase());
    let address = machine.address();
    let options = settings.options.iter();
    let mut flags: BTreeMap<String, String> = options
        .map(|(name, value)| (flag(name), value.clone()))
        .collect();
    for (name, value) in [
        ("master", places.masters.clone()),
        ("zk", places.own.clone()),
        ("hostname", address.clone()),
        ("http_address", address.clone()),
        ("http_port", settings.http_port.to_string()),
        ("framework_name", settings.framework_name.clone()),
        ("mesos_user", settings.user.clone()),
        ("failover_timeout", settings.failover_timeout.to_string()),
        (
            "task_launch_timeout",
            settings.task_launch_timeout.to_string(),
        ),
    ] {
        flags.insert(flag(name), value);
    }
    if let Some(role) = &settings.mesos_role {
        flags.insert(flag("mesos_role"), role.clone());
    }
    if let Some(credential) = &settings.credential {
        let principal = credential.principal.clone();
        flags.insert(flag("mesos_authentication"), String::new());
        flags.insert(flag("mesos_authentication_principal"), principal);
        flags.insert(flag("mesos_authentication_secret_file"), SECRET.to_owned());
    }
    // Left to itself, Mesos's library would look the machine's name up, and find 127.0.1.1.
    for name in ["LIBPROCESS_IP", "LIBPROCESS_ADVERTISE_IP"] {
        flags.insert(name.to_owned(), address.clone());
    }
    let library = settings.native_library.clone();
    flags.insert("MESOS_NATIVE_JAVA_LIBRARY".to_owned(), library);
    flags.insert("JAVA_OPTS".to_owned(), format!("-Xmx{}", settings.heap));
    flags.extend(
        settings
            .java_home
            .clone()
            .map(|home| ("JAVA_HOME".to_owned(), home)),
    );
    flags
}

fn identity(settings: &Settings) -> String {
    let role = settings.mesos_role.as_deref().unwrap_or("*");
    format!(
        "{} at {} with role {role}",
        settings.framework_name, settings.zk_path
    )
}

fn another(name: &str, known: &str, wished: &str) -> String {
    format!(
        "{name} is an instance of `{known}`, and the plan wants `{wished}`: that would be another \
         Marathon, which knows nothing of the tasks of this one. Let it go first (`cellhost \
         remove`), or set the plan back"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_marathon_would_be_is_told() {
        let settings = Settings {
            zk_path: "/other".to_owned(),
            ..Settings::default()
        };
        let known = identity(&Settings::default());
        assert_eq!(known, "marathon at /marathon with role *");
        assert_eq!(
            another("m1", &known, &identity(&settings)),
            "m1 is an instance of `marathon at /marathon with role *`, and the plan wants \
             `marathon at /other with role *`: that would be another Marathon, which knows nothing \
             of the tasks of this one. Let it go first (`cellhost remove`), or set the plan back"
        );
    }
}
