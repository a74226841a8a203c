use cellhost_sdk::prelude::*;

use crate::settings::Settings;

/// Where everything is in ZooKeeper.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Places {
    /// Where the masters of Mesos meet.
    pub(crate) masters: String,
    /// Where Marathon keeps what it knows.
    pub(crate) own: String,
}

/// Returns where everything is. Both are read strictly: a faulty one is found only when the agents
/// of a whole cell wait in vain.
pub(crate) fn places(cell: &Cell<Settings>) -> Result<Places, String> {
    let output = |module: &str, key: &str| {
        let value = cell.output(module, key);
        value.ok_or_else(|| format!("`{module}` does not tell its `{key}`"))
    };
    let masters = output("mesos", "zk")?;
    let own = format!(
        "zk://{}{}",
        output("zookeeper", "connect")?,
        cell.settings().zk_path
    );
    let places = Places { masters, own };
    places.check().map(|()| places)
}

impl Places {
    fn check(&self) -> Result<(), String> {
        check(&self.masters)?;
        check(&self.own)?;
        let below = |path: &str, other: &str| {
            let rest = path.strip_prefix(other);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        if below(&self.own, &self.masters) || below(&self.masters, &self.own) {
            return Err(format!(
                "`{}` is where the masters of Mesos are (`{}`): Marathon needs a path of its own",
                self.own, self.masters
            ));
        }
        Ok(())
    }
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
    fn marathon_and_mesos_share_no_path() {
        let places = |own: &str| Places {
            masters: "zk://a:1/mesos".to_owned(),
            own: own.to_owned(),
        };
        assert_eq!(places("zk://a:1/marathon").check(), Ok(()));
        assert_eq!(places("zk://a:1/mesos-apps").check(), Ok(()));
        assert_eq!(
            places("zk://a:1/mesos").check(),
            Err(
                "`zk://a:1/mesos` is where the masters of Mesos are (`zk://a:1/mesos`): Marathon \
                 needs a path of its own"
                    .to_owned()
            )
        );
        assert!(places("zk://a:1/mesos/marathon").check().is_err());
    }

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
