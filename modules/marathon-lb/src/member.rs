//! What concerns one machine: HAProxy, marathon-lb, and what they are told.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use cellhost_sdk::prelude::*;
use cellhost_sdk::serde_json::Value;

use crate::settings::{SELF_SIGNED, Settings};
use crate::source::Source;
use crate::validation;

pub(crate) const SERVICE: &str = "marathon-lb";
pub(crate) const STATE_SCRIPT: &str = "/etc/marathon-lb/cell/state";
const PROXY: &str = "haproxy";
const HOME: &str = "/etc/marathon-lb/cell";
/// Has a file for what every configuration begins with that was tried last and found good.
const TRIED: &str = "/etc/marathon-lb/cell/tried";
const TRY: &str = "/etc/marathon-lb/cell/try";
/// Certificates as the plan has them; those that are good are taken up from here.
const CERTIFICATES: &str = "/etc/marathon-lb/cell/certificates";
const STATE: &str = "/var/lib/marathon-lb";
const LIVE: &str = "/var/lib/marathon-lb/certificates";
const UNIT: &str = "/etc/systemd/system/marathon-lb.service";
const DROP_INS: &str = "/etc/systemd/system/haproxy.service.d";
const DROP_IN: &str = "/etc/systemd/system/haproxy.service.d/cell.conf";
/// What marathon-lb puts into configurations, each for what upstream has under the same name.
const TEMPLATES: [&str; 7] = [
    "HAPROXY_BACKEND_HSTS_OPTIONS",
    "HAPROXY_HEAD",
    "HAPROXY_HTTPS_FRONTEND_HEAD",
    "HAPROXY_HTTP_BACKEND_PROXYPASS_GLUE",
    "HAPROXY_HTTP_BACKEND_REVPROXY_GLUE",
    "HAPROXY_HTTP_FRONTEND_APPID_HEAD",
    "HAPROXY_HTTP_FRONTEND_HEAD",
];
/// HAProxy, what marathon-lb is written in and asks Marathon by, and what the scripts here need.
const PACKAGES: [&str; 10] = [
    "curl",
    "haproxy",
    "openssl",
    "python3-cryptography",
    "python3-dateutil",
    "python3-jwt",
    "python3-pycurl",
    "python3-requests",
    "python3-six",
    "socat",
];

/// Brings one machine to where it should be.
pub(crate) fn apply(cell: &Cell<Settings>, machine: &Machine) -> Result<(), Failure> {
    let settings = cell.settings();
    let source = settings.source.as_ref();
    let source = source.ok_or_else(|| Failure::failed("the plan does not say `source`"))?;
    let variables = variables(cell, source);
    let script = |name: &str| {
        let script = File::at(format!("{HOME}/{name}")).rendered(name, &variables)?;
        Ok::<_, Failure>(script.mode(0o755))
    };
    let (told, watched) = told(settings, &variables)?;
    let mark = mark(&variables)?;
    let made = format!("{CERTIFICATES}/{SELF_SIGNED}.pem");
    machine.ensure((
        [HOME, TRIED, STATE, DROP_INS].map(|path| Directory::at(path).mode(0o755)),
        Directory::at(format!("{HOME}/templates")).mode(0o755),
        [CERTIFICATES, LIVE].map(|path| Directory::at(path).mode(0o700)),
        told,
        ["certify", "reload", "state", "try"]
            .map(script)
            .into_iter()
            .collect::<Result<Vec<_>, _>>()?,
        File::at(DROP_IN)
            .rendered("haproxy.conf", &variables)?
            .mode(0o644),
        UnitFile::rendered(
            format!("{SERVICE}.service"),
            "marathon-lb.service",
            &variables,
        )?,
        // Nothing before needs them, and nobody can foretell what stands behind a package.
        Software::named(PACKAGES),
        source.wishes(),
        settings.self_signed.then(|| self_signed(&made)),
        Creation::at(&mark, ["sh", TRY, &mark]).deadline_seconds(60),
        Service::named(PROXY)
            .enabled()
            .running()
            .restart_for([DROP_IN]),
        Service::named(SERVICE)
            .enabled()
            .running()
            .restart_for(watched.into_iter().chain(source.watched())),
    ))?;
    Ok(())
}

/// Takes both off. Nothing of it is anybody's data: Marathon has it.
pub(crate) fn remove(settings: &Settings, machine: &Machine) -> Result<(), Failure> {
    machine.ensure((
        Service::named(SERVICE).disabled().stopped(),
        NoUnitFile::named(format!("{SERVICE}.service")),
        Service::named(PROXY).disabled().stopped(),
        machine.absent_with_room(DROP_IN)?,
        machine.absent_with_room(HOME)?,
        Absent::at(STATE),
        settings.source.as_ref().map(Source::gone),
    ))?;
    Ok(())
}

/// Returns the files that marathon-lb is told by, and those that it restarts for.
fn told(settings: &Settings, variables: &Value) -> Result<(Vec<File>, Vec<String>), Failure> {
    let mut files = Vec::new();
    let mut watched = vec![UNIT.to_owned()];
    let mut file = |path: String, template: &str, variables: &Value, mode: u16| {
        files.push(File::at(&path).rendered(template, variables)?.mode(mode));
        watched.push(path);
        Ok::<_, Failure>(())
    };
    for name in TEMPLATES {
        file(format!("{HOME}/templates/{name}"), name, variables, 0o644)?;
    }
    let environment = format!("{HOME}/environment");
    file(environment, "environment", variables, 0o644)?;
    for one in &settings.certificates {
        let path = format!("{CERTIFICATES}/{}.base64", one.name);
        file(path, "text", &json!({ "text": one.pem_base64 }), 0o600)?;
    }
    if let Some(one) = &settings.credentials {
        let known = json!({ "user": one.user, "password": one.password });
        file(format!("{HOME}/credentials"), "credentials", &known, 0o600)?;
    }
    if let Some(text) = &settings.ca_certificate {
        let text = json!({ "text": text });
        file(format!("{HOME}/ca.pem"), "text", &text, 0o644)?;
    }
    Ok((files, watched))
}

/// Wishes for a certificate that nobody has signed.
fn self_signed(path: &str) -> Creation {
    let days = ["-days", "3650", "-subj", "/CN=*"];
    let key = ["-newkey", "rsa:2048", "-nodes", "-keyout", path];
    let words = ["openssl", "req", "-x509", "-out", path];
    Creation::at(path, words.into_iter().chain(key).chain(days))
}

/// Names what was tried: what every configuration begins with.
fn mark(variables: &Value) -> Result<String, Failure> {
    let mut hasher = DefaultHasher::new();
    for name in TEMPLATES.into_iter().chain(["try"]) {
        cellhost_sdk::render(name, variables)?.hash(&mut hasher);
    }
    Ok(format!("{TRIED}/{:016x}", hasher.finish()))
}

fn variables(cell: &Cell<Settings>, source: &Source) -> Value {
    let settings = cell.settings();
    let marathons = validation::marathons(cell).unwrap_or_default();
    let ports: Vec<String> = settings.ports().map(|(_, port)| port.to_string()).collect();
    json!({
        "cell": cell.name(),
        "directory": source.directory(),
        "arguments": arguments(settings, &marathons),
        "ports": ports.join(","),
        "http_port": settings.http_port,
        "https_port": settings.https_port,
        "stats_port": settings.stats_port,
        "app_id_port": settings.app_id_port,
        "stats_from": settings.stats_from,
        "max_connections": settings.max_connections,
        "hard_stop_after": settings.hard_stop_after,
        "allow_empty": settings.allow_empty,
        "certificates": settings.certificate_names(),
        "log_level": settings.log_level.name(),
        "syslog_socket": settings.syslog_socket,
        "home": HOME,
        "state": STATE,
    })
}

/// Returns what marathon-lb is told, but for what tells how it runs.
fn arguments(settings: &Settings, marathons: &[String]) -> Vec<String> {
    let mut arguments = vec!["--marathon".to_owned()];
    arguments.extend_from_slice(marathons);
    let mut flag = |name: &str, value: Option<String>| {
        arguments.push(format!("--{name}"));
        arguments.extend(value);
    };
    for group in &settings.groups {
        flag("group", Some(group.clone()));
    }
    flag("haproxy-config", Some(format!("{STATE}/haproxy.cfg")));
    flag("command", Some(format!("{HOME}/reload")));
    let [first, last] = settings.ip_per_task_ports;
    flag("min-serv-port-ip-per-task", Some(first.to_string()));
    flag("max-serv-port-ip-per-task", Some(last.to_string()));
    flag("max-backoff", Some(settings.max_backoff.to_string()));
    if settings.http_port == 0 && settings.https_port == 0 {
        flag("dont-bind-http-https", None);
    }
    if settings.https_port > 0 {
        let names = settings.certificate_names();
        let paths = names.iter().map(|name| format!("{LIVE}/{name}.pem"));
        flag("ssl-certs", Some(paths.collect::<Vec<_>>().join(",")));
    }
    for (name, is_wanted) in [
        ("health-check", settings.health_check),
        ("strict-mode", settings.strict_mode),
        ("haproxy-map", settings.haproxy_map),
    ] {
        if is_wanted {
            flag(name, None);
        }
    }
    if settings.credentials.is_some() {
        let path = format!("{HOME}/credentials");
        flag("marathon-auth-credential-file", Some(path));
    }
    if settings.ca_certificate.is_some() {
        flag("marathon-ca-cert", Some(format!("{HOME}/ca.pem")));
    }
    arguments
}
