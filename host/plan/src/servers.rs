use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use crate::address::check_address;
use crate::problem::Problem;

/// Servers as clients are told them: `host:port,host:port`, and a path below which all of a
/// client's names are, such as `/orders`, where there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Servers {
    /// The servers in their order, no two alike; never empty.
    pub list: Vec<Server>,
    /// The path, with its `/`; nothing where clients see all.
    pub chroot: Option<String>,
}

/// Where one server listens.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Server {
    /// A name or an address, without the brackets of an IPv6 address.
    pub host: String,
    /// The port.
    pub port: u16,
}

const HELP: &str = "write one such as `10.0.0.1:2181,10.0.0.2:2181` or `db1:2181/orders`";

impl FromStr for Servers {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        let (hosts, chroot) = match text.find('/') {
            None => (text, None),
            Some(at) => {
                let (hosts, path) = text.split_at(at);
                check_chroot(path).map_err(|problem| problem.within(at..text.len()))?;
                (hosts, Some(path.to_owned()))
            }
        };
        let mut list = Vec::new();
        let mut seen = BTreeSet::new();
        let mut at = 0;
        for part in hosts.split(',') {
            let within = at..at + part.len();
            at += part.len() + 1;
            let server: Server = part.parse().map_err(|problem: Problem| {
                let problem = problem.help(HELP);
                problem.within(within.clone())
            })?;
            if !seen.insert(server.clone()) {
                return Err(Problem::new(format!("`{server}` is listed twice")).within(within));
            }
            list.push(server);
        }
        Ok(Self { list, chroot })
    }
}

impl FromStr for Server {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        let wrong = |what: &str| {
            let shown = text.escape_debug();
            Problem::new(format!("`{shown}` {what}")).help("write one such as `10.0.0.1:2181`")
        };
        if text.is_empty() {
            return Err(
                Problem::new("a server is missing").help("write one such as `10.0.0.1:2181`")
            );
        }
        let (host, port) = text.rsplit_once(':').ok_or_else(|| wrong("has no port"))?;
        let bracketed = host
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        let named = bracketed.unwrap_or(host);
        if text.contains("://") {
            return Err(wrong("is a URL, not a server"));
        }
        let six = named.contains(':');
        if six != bracketed.is_some() {
            return Err(wrong("is not a server: an IPv6 address stands in brackets"));
        }
        if check_address(named).is_err() || (six && named.parse::<std::net::Ipv6Addr>().is_err()) {
            return Err(wrong("is not a server: its host is no name and no address"));
        }
        let port = parse_port(port).ok_or_else(|| wrong("has no port from 1 to 65535"))?;
        Ok(Self {
            host: named.to_owned(),
            port,
        })
    }
}

/// Parses a port, written as a plain number.
pub(crate) fn parse_port(text: &str) -> Option<u16> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let plain = digits && !text.starts_with('0');
    plain.then(|| text.parse().ok()).flatten()
}

fn check_chroot(path: &str) -> Result<(), Problem> {
    let shown = path.escape_debug();
    let wrong = |what: &str| Err(Problem::new(format!("the path `{shown}` {what}")).help(HELP));
    let names = path.get(1..).unwrap_or_default();
    if names.is_empty() || names.split('/').any(|name| matches!(name, "" | "." | "..")) {
        return wrong("has an empty part");
    }
    let good = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    if path.chars().all(good) {
        Ok(())
    } else {
        wrong("has characters that do not belong into one")
    }
}

impl fmt::Display for Server {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(formatter, "[{}]:{}", self.host, self.port)
        } else {
            write!(formatter, "{}:{}", self.host, self.port)
        }
    }
}

impl fmt::Display for Servers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, server) in self.list.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(formatter, "{comma}{server}")?;
        }
        formatter.write_str(self.chroot.as_deref().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_what_it_writes() {
        for text in [
            "a:1",
            "10.0.0.1:2181,10.0.0.2:2181",
            "zk-1.example.org:2181,[fe80::1]:65535/orders/eu-1",
        ] {
            assert_eq!(text.parse::<Servers>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn refuses_what_a_client_could_not_use_and_points_at_it() {
        let table = [
            ("", 0..0),
            (",", 0..0),
            ("a:1,", 4..4),
            ("a:1,,b:1", 4..4),
            ("a", 0..1),
            ("a:", 0..2),
            (":2181", 0..5),
            ("a:0", 0..3),
            ("a:65536", 0..7),
            ("a:01", 0..4),
            ("a:+1", 0..4),
            ("a:1, b:1", 4..8),
            ("zk://a:1", 3..8),
            ("fe80::1:2181", 0..12),
            ("[a]:1", 0..5),
            ("-a:1", 0..4),
            ("a:1/", 3..4),
            ("a:1//x", 3..6),
            ("a:1/x/", 3..6),
            ("a:1/../x", 3..8),
            ("a:1/x y", 3..7),
            ("a:1/x,b:2", 3..9),
            ("a:1,a:1", 4..7),
            ("a:1\n", 0..4),
        ];
        for (text, within) in table {
            let problem = text.parse::<Servers>().expect_err(text);
            assert_eq!(problem.within, Some(within), "{text:?}: {problem}");
        }
    }

    proptest! {
        #[test]
        fn never_panics_and_writes_back_what_it_took(text in "[a-c0-9:,/.\\[\\]%é \n-]{0,24}") {
            if let Ok(servers) = text.parse::<Servers>() {
                prop_assert_eq!(servers.to_string(), text);
            }
        }
    }
}
