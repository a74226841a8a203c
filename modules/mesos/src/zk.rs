use cellhost_sdk::prelude::*;

use crate::settings::Settings;

/// The module and the output that says where the ensemble is.
const ENSEMBLE: (&str, &str) = ("zookeeper", "connect");

/// Returns where masters meet: `zk://host:port,…/path`.
pub(crate) fn of(cell: &Cell<Settings>) -> Result<String, String> {
    let (module, key) = ENSEMBLE;
    let servers = cell.output(module, key);
    let servers =
        servers.ok_or_else(|| format!("`{module}` does not tell where its servers are"))?;
    let url = format!("zk://{servers}{}", cell.settings().zk_path);
    check(&url).map(|()| url)
}

/// Says what is wrong with such a URL: `zk://[user:password@]host:port[,host:port…]/path`.
fn check(url: &str) -> Result<(), String> {
    let wrong = |what: &str| Err(format!("`{}` {what}", url.escape_debug()));
    let Some(rest) = url.strip_prefix("zk://") else {
        return wrong("does not begin with `zk://`");
    };
    if rest.contains("zk://") {
        return wrong("has `zk://` more than once: it stands before all servers, not before each");
    }
    if url.contains(char::is_whitespace) {
        return wrong("has blanks in it");
    }
    let (servers, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    let servers = servers
        .rsplit_once('@')
        .map_or(servers, |(_, servers)| servers);
    if servers.is_empty() {
        return wrong("names no servers");
    }
    let is_server = |server: &str| {
        let (host, port) = server.rsplit_once(':').unwrap_or_default();
        let fine = |c: char| c.is_ascii_alphanumeric() || ".-[]:".contains(c);
        !host.is_empty() && host.chars().all(fine) && port.parse::<u16>().is_ok_and(|port| port > 0)
    };
    if let Some(server) = servers.split(',').find(|server| !is_server(server)) {
        return wrong(&format!(
            "has a server `{}` that is no `host:port`",
            server.escape_debug()
        ));
    }
    let names = path.strip_prefix('/').unwrap_or_default();
    if names.is_empty() {
        return wrong("has no path at its end: everything would land in the root of ZooKeeper");
    }
    let fine = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let is_name = |name: &str| !matches!(name, "" | "." | "..") && name.chars().all(fine);
    if !names.split('/').all(is_name) {
        return wrong("has a path that no node of ZooKeeper can have here");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_and_a_path_make_a_url() {
        for url in [
            "zk://10.0.0.1:2181,10.0.0.2:2181,zk3.example:2181/mesos",
            "zk://user:pass@10.0.0.1:2181/orders/mesos",
            "zk://[fd00::1]:2181/mesos",
        ] {
            assert_eq!(check(url), Ok(()), "{url}");
        }
    }

    #[test]
    fn faulty_urls_are_told_what_is_wrong_with_them() {
        for (url, why) in [
            ("zk:///mesos", "names no servers"),
            ("zk://a:1,b:2", "has no path at its end"),
            ("zk://a:1,b:2/", "has no path at its end"),
            ("zk://a:1, b:2/mesos", "has blanks in it"),
            ("zk://a:1,zk://b:2/mesos", "has `zk://` more than once"),
            (
                "zk://a:1,b/mesos",
                "has a server `b` that is no `host:port`",
            ),
            (
                "zk://a:1,,b:2/mesos",
                "has a server `` that is no `host:port`",
            ),
            ("zk://a:1/x//y", "has a path that no node"),
            ("http://a:1/mesos", "does not begin with `zk://`"),
        ] {
            let told = check(url).expect_err(url);
            assert!(told.starts_with(&format!("`{url}` {why}")), "{told}");
        }
    }
}
