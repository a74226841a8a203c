use std::collections::{BTreeMap, BTreeSet};

/// The ports that Mesos gives to tasks, if nobody says otherwise.
pub(crate) const TASK_PORTS: std::ops::RangeInclusive<u16> = 31_000..=32_000;

/// What a configuration of HAProxy, as marathon-lb writes it, says of who is led where.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Routes {
    /// Backends by host name, of those that get all of its paths.
    hosts: BTreeMap<String, BTreeSet<String>>,
    /// Ports that apps are served at, with the name of the frontend.
    ports: BTreeMap<u16, String>,
}

impl Routes {
    /// Reads a configuration. What is not understood is left out.
    pub(crate) fn parse(text: &str) -> Self {
        let mut routes = Self::default();
        let mut section = "";
        let mut names: BTreeMap<&str, &str> = BTreeMap::new();
        for line in text.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words.as_slice() {
                ["frontend", name] => section = name,
                ["backend" | "listen", ..] => section = "",
                ["acl", acl, "hdr(host)", "-i", host] if section == "marathon_http_in" => {
                    names.insert(acl, host);
                }
                ["use_backend", backend, "if", acl] if section == "marathon_http_in" => {
                    if let Some(host) = names.get(acl) {
                        let backends = routes.hosts.entry(host.to_lowercase()).or_default();
                        backends.insert((*backend).to_owned());
                    }
                }
                ["bind", place, ..] if !section.is_empty() && !section.starts_with("marathon_") => {
                    let port = place.rsplit_once(':').map_or(*place, |(_, port)| port);
                    if let Ok(port) = port.parse() {
                        routes.ports.insert(port, section.to_owned());
                    }
                }
                _ => {}
            }
        }
        routes
    }

    /// Says what works and is hardly meant.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let shared = self.hosts.iter().filter(|(_, all)| all.len() > 1);
        let shared = shared.map(|(host, backends)| {
            let backends: Vec<&str> = backends.iter().map(String::as_str).collect();
            format!(
                "{} is the host name of several apps ({}): one of them gets all requests",
                host.escape_debug(),
                backends.join(", ")
            )
        });
        let taken = self.ports.range(TASK_PORTS).map(|(port, name)| {
            format!(
                "{} is served at port {port}, which Mesos may give to a task: take a service port \
                 outside of 31000 to 32000",
                name.escape_debug()
            )
        });
        shared.chain(taken).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "\
global
  maxconn 50000
listen stats
  bind *:9090
frontend marathon_http_in
  bind *:80
  mode http
";

    #[test]
    fn a_host_name_of_two_apps_is_told_and_one_with_paths_is_not() {
        let text = format!(
            "{HEAD}  acl host_a_org hdr(host) -i a.org
  use_backend shop_10000 if host_a_org
  acl host_a_org hdr(host) -i A.org
  use_backend blog_10001 if host_a_org
  acl host_b_org hdr(host) -i b.org
  use_backend docs_10002 if host_b_org
  acl path_wiki_10003 path_beg /wiki
  use_backend wiki_10003 if host_b_org path_wiki_10003
"
        );
        assert_eq!(
            Routes::parse(&text).warnings(),
            [
                "a.org is the host name of several apps (blog_10001, shop_10000): one of them gets all \
              requests"
            ]
        );
    }

    #[test]
    fn a_port_that_a_task_may_get_is_told() {
        let text = format!(
            "{HEAD}frontend marathon_http_appid_in\n  bind *:9091\nfrontend shop_10000\n  bind \
             *:10000\nfrontend blog_31005\n  bind *:31005\nbackend shop_10000\n"
        );
        assert_eq!(
            Routes::parse(&text).warnings(),
            [
                "blog_31005 is served at port 31005, which Mesos may give to a task: take a service \
              port outside of 31000 to 32000"
            ]
        );
        assert_eq!(Routes::parse("bind\nacl x\n\u{0}"), Routes::default());
    }
}
