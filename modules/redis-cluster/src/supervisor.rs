//! Instances that supervisor keeps, and its page in a browser.

use std::net::Ipv4Addr;

use cellhost_sdk::prelude::*;

use crate::configuration;

/// What keeps all programs, and what it comes with.
pub(crate) const SERVICE: &str = "supervisor";
const HOME: &str = "/etc/supervisor/conf.d";
const PAGE: &str = "/etc/supervisor/conf.d/redis-cluster-page.conf";
/// Stands for each machine's own address.
const OWN: &str = "machine";

/// How supervisor keeps the instances.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[expect(
    clippy::struct_field_names,
    reason = "in the plan, its keys have to say that they are about the page"
)]
pub(crate) struct Supervisor {
    /// Where its page is: an address that every machine has, such as `127.0.0.1` or `0.0.0.0`, or
    /// `machine` for each one's own.
    #[serde(default = "usual_address")]
    pub(crate) page_address: String,
    /// The port of its page.
    #[serde(default = "usual_port")]
    #[schemars(range(min = 1))]
    pub(crate) page_port: u16,
    /// Who opens its page.
    #[serde(default = "usual_user")]
    #[schemars(regex(pattern = r"^[A-Za-z0-9_.-]+$"))]
    pub(crate) page_user: String,
    /// What that user logs in with. Who does can stop the instances.
    pub(crate) page_password: Secret,
}

fn usual_address() -> String {
    Ipv4Addr::LOCALHOST.to_string()
}

fn usual_port() -> u16 {
    9001
}

fn usual_user() -> String {
    "admin".to_owned()
}

impl Supervisor {
    /// Finds what is wrong with it.
    pub(crate) fn problems(&self, ports: [u16; 2]) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.page_address != OWN && self.page_address.parse::<Ipv4Addr>().is_err() {
            problems.push(Problem::with(
                "/supervisor/page-address",
                format!(
                    "`{}` is neither an IPv4 address, the only kind that supervisor listens on, nor \
                     `{OWN}`",
                    self.page_address
                ),
            ));
        }
        let taken = crate::validation::taken(ports);
        if let Some((_, by)) = taken.into_iter().find(|(port, _)| *port == self.page_port) {
            let words = format!("{} is taken by {by}", self.page_port);
            problems.push(Problem::with("/supervisor/page-port", words));
        }
        problems
    }

    /// Says where the page of a machine is.
    pub(crate) fn page(&self, machine: &Machine) -> String {
        let address = if self.page_address == OWN {
            machine.address()
        } else {
            self.page_address.clone()
        };
        format!("{address}:{}", self.page_port)
    }

    /// Returns supervisor's service, with its page.
    pub(crate) fn itself(&self, machine: &Machine) -> Result<impl Wishes + use<>, Failure> {
        let variables = json!({
            "page": self.page(machine),
            "user": self.page_user,
            "password": self.page_password,
        });
        let page = File::at(PAGE).rendered("page.conf", &variables)?;
        Ok((
            // The password is in it.
            page.mode(0o600).owner("root").group("root"),
            Service::named(SERVICE)
                .enabled()
                .running()
                .restart_for([PAGE]),
        ))
    }
}

/// Returns what supervisor is told of an instance, and that it runs.
pub(crate) fn program(port: u16) -> Result<impl Wishes, Failure> {
    let variables = json!({
        "name": name(port),
        "configuration": configuration::path(port),
    });
    let file = File::at(path(port)).rendered("program.conf", &variables)?;
    let service = Service::supervised(name(port)).enabled().running();
    Ok((
        file.mode(0o644),
        service.restart_for([configuration::path(port), path(port)]),
    ))
}

/// Takes the instances from supervisor, which goes on for others without this page. Where it never
/// came to be, there is nothing to take.
pub(crate) fn release(machine: &Machine, ports: [u16; 2]) -> Result<impl Wishes + use<>, Failure> {
    let has_page = machine.stat(PAGE)?.is_some();
    let itself = || Service::named(SERVICE).enabled().running();
    Ok((
        ports.map(|port| Absent::at(path(port))),
        ports.map(|port| Service::supervised(name(port)).disabled().stopped()),
        Absent::at(PAGE),
        has_page.then(|| itself().restart_for([PAGE])),
    ))
}

fn name(port: u16) -> String {
    format!("redis-{port}")
}

fn path(port: u16) -> String {
    format!("{HOME}/{}.conf", name(port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(more: &str) -> Vec<(String, String)> {
        let text = format!(r#"{{"page-password": {{"secret": "p"}}{more}}}"#);
        let supervisor: Supervisor = cellhost_sdk::serde_json::from_str(&text).unwrap();
        let problems = supervisor.problems([7000, 7001]).into_iter();
        problems.map(|one| (one.setting, one.message)).collect()
    }

    #[test]
    fn its_page_is_for_the_machine_itself_unless_told_otherwise() {
        assert_eq!(usual_address(), "127.0.0.1");
        for more in [
            "",
            r#", "page-address": "machine""#,
            r#", "page-address": "0.0.0.0""#,
        ] {
            assert!(told(more).is_empty(), "{more}");
        }
    }

    #[test]
    fn an_address_that_it_cannot_listen_on_is_refused() {
        for address in ["::1", "m1.example", "", "*"] {
            let told = told(&format!(r#", "page-address": "{address}""#));
            assert_eq!(told.len(), 1, "{address}: {told:?}");
            assert_eq!(told[0].0, "/supervisor/page-address");
        }
    }

    #[test]
    fn a_port_of_the_instances_or_their_bus_is_refused() {
        for (port, by) in [(7001, "`replica-port`"), (17000, "the bus of `port`")] {
            let told = told(&format!(r#", "page-port": {port}"#));
            assert_eq!(told.len(), 1, "{told:?}");
            assert_eq!(told[0].1, format!("{port} is taken by {by}"));
        }
    }
}
