use cellhost_sdk::prelude::*;

use crate::settings::{Input, Inputs};

/// Something that can be gathered.
pub(crate) struct Kind {
    /// What it is in the settings and in the template.
    pub(crate) name: &'static str,
    /// The module and its output that has the addresses of its members.
    output: (&'static str, &'static str),
    /// What shows it where no output does.
    role: Option<&'static str>,
    /// Where it is, where only a role shows it.
    usual: &'static str,
    /// Whether nobody gets in without a password.
    pub(crate) is_locked: bool,
    /// The group that may use its socket.
    pub(crate) group: Option<&'static str>,
    /// What a container has to see of the machine for it.
    pub(crate) seen: Option<&'static str>,
    setting: fn(&Inputs) -> &Input,
}

const PLAIN: Kind = Kind {
    name: "",
    output: ("", ""),
    role: None,
    usual: "",
    is_locked: false,
    group: None,
    seen: None,
    setting: |inputs| &inputs.zookeeper,
};

/// Everything that can be gathered.
pub(crate) static KINDS: [Kind; 6] = [
    Kind {
        name: "docker",
        usual: "unix:///run/docker.sock",
        group: Some("docker"),
        seen: Some("/run/docker.sock"),
        setting: |inputs| &inputs.docker,
        ..PLAIN
    },
    Kind {
        name: "haproxy",
        role: Some("marathon-lb"),
        usual: "http://127.0.0.1:9090/haproxy?stats",
        seen: Some("/run/haproxy"),
        setting: |inputs| &inputs.haproxy,
        ..PLAIN
    },
    Kind {
        name: "minio",
        output: ("minio", "endpoints"),
        usual: "http://127.0.0.1:9000/minio/v2/metrics/node",
        setting: |inputs| &inputs.minio,
        ..PLAIN
    },
    Kind {
        name: "mysql",
        output: ("galera", "connect"),
        usual: "unix(/run/mysqld/mysqld.sock)",
        is_locked: true,
        seen: Some("/run/mysqld"),
        setting: |inputs| &inputs.mysql,
        ..PLAIN
    },
    Kind {
        name: "redis",
        output: ("redis-cluster", "nodes"),
        usual: "tcp://127.0.0.1:6379",
        is_locked: true,
        setting: |inputs| &inputs.redis,
        ..PLAIN
    },
    Kind {
        name: "zookeeper",
        output: ("zookeeper", "connect"),
        usual: "127.0.0.1:2181",
        setting: |inputs| &inputs.zookeeper,
        ..PLAIN
    },
];

/// A kind that is gathered on a machine, and where.
pub(crate) struct Gathered {
    /// What.
    pub(crate) kind: &'static Kind,
    /// Where, as Telegraf writes it.
    pub(crate) servers: Vec<String>,
}

impl Kind {
    /// Returns how the plan wants it gathered.
    pub(crate) fn setting<'a>(&self, inputs: &'a Inputs) -> &'a Input {
        (self.setting)(inputs)
    }

    /// Returns where it is gathered on a machine; nowhere where nothing shows it there.
    fn servers(&self, input: &Input, address: &str, roles: &[String], told: &str) -> Vec<String> {
        if input.off {
            return Vec::new();
        }
        let role = input.role.as_deref().or(self.role);
        let has_role = role.is_some_and(|role| roles.iter().any(|own| own == role));
        if input.role.is_some() && !has_role {
            return Vec::new();
        }
        if !input.servers.is_empty() {
            return input.servers.clone();
        }
        if has_role {
            return vec![self.usual.to_owned()];
        }
        let members: Vec<(String, u16)> = told.split(',').filter_map(member).collect();
        let own = members.iter().filter(|(host, _)| host == address);
        let mut servers: Vec<String> = own.map(|(_, port)| self.server(address, *port)).collect();
        // What concerns all of it is told by one of them.
        if let ("minio", Some((host, port))) = (self.name, members.first())
            && host == address
        {
            let server = self.server(address, *port);
            servers.push(server.replace("/node", "/cluster"));
        }
        servers
    }

    fn server(&self, address: &str, port: u16) -> String {
        let host = if address.contains(':') {
            format!("[{address}]")
        } else {
            address.to_owned()
        };
        match self.name {
            "minio" => format!("http://{host}:{port}/minio/v2/metrics/node"),
            "redis" => format!("tcp://{host}:{port}"),
            "mysql" => self.usual.to_owned(),
            _ => format!("{host}:{port}"),
        }
    }
}

/// Returns all that is gathered on a machine beside itself.
pub(crate) fn on<S>(cell: &Cell<S>, inputs: &Inputs, machine: &Machine) -> Vec<Gathered> {
    let (address, roles) = (machine.address(), machine.roles());
    let gathered = KINDS.iter().map(|kind| {
        let (module, key) = kind.output;
        let told = cell.output(module, key).unwrap_or_default();
        let servers = kind.servers(kind.setting(inputs), &address, &roles, &told);
        Gathered { kind, servers }
    });
    gathered.filter(|one| !one.servers.is_empty()).collect()
}

/// `10.0.0.1:2181`, perhaps with a path behind it.
fn member(text: &str) -> Option<(String, u16)> {
    let text = text.trim().split('/').next()?;
    let (host, port) = text.rsplit_once(':')?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    Some((host.to_owned(), port.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn servers(name: &str, input: &Input, told: &str) -> Vec<String> {
        let kind = KINDS.iter().find(|kind| kind.name == name).unwrap();
        kind.servers(input, "10.0.0.1", &["marathon-lb".to_owned()], told)
    }

    #[test]
    fn what_an_output_shows_on_the_machine_is_gathered_there() {
        let usual = Input::default();
        for (name, told, expected) in [
            (
                "zookeeper",
                "10.0.0.2:2181,10.0.0.1:2182/orders",
                "10.0.0.1:2182",
            ),
            ("redis", "10.0.0.1:7000", "tcp://10.0.0.1:7000"),
            ("mysql", "10.0.0.1:3306", "unix(/run/mysqld/mysqld.sock)"),
            (
                "minio",
                "10.0.0.2:9000,10.0.0.1:9000",
                "http://10.0.0.1:9000/minio/v2/metrics/node",
            ),
            ("haproxy", "", "http://127.0.0.1:9090/haproxy?stats"),
        ] {
            assert_eq!(servers(name, &usual, told), [expected], "{name}");
        }
        for name in ["zookeeper", "redis", "mysql", "minio", "docker"] {
            assert_eq!(servers(name, &usual, "10.0.0.11:2181"), [""; 0], "{name}");
        }
    }

    #[test]
    fn one_of_several_tells_what_concerns_all() {
        assert_eq!(
            servers("minio", &Input::default(), "10.0.0.1:9000,10.0.0.2:9000"),
            [
                "http://10.0.0.1:9000/minio/v2/metrics/node",
                "http://10.0.0.1:9000/minio/v2/metrics/cluster"
            ]
        );
    }

    #[test]
    fn a_role_and_servers_go_before_what_is_shown() {
        let with = |role: Option<&str>, off| Input {
            off,
            role: role.map(str::to_owned),
            servers: vec!["10.0.0.1:2183".to_owned()],
            ..Input::default()
        };
        let told = "10.0.0.1:2181";
        let chosen = |input: &Input| servers("zookeeper", input, told);
        assert_eq!(chosen(&with(None, false)), ["10.0.0.1:2183"]);
        assert_eq!(chosen(&with(Some("marathon-lb"), false)), ["10.0.0.1:2183"]);
        assert_eq!(chosen(&with(Some("other"), false)), [""; 0]);
        assert_eq!(chosen(&with(None, true)), [""; 0]);
    }
}
