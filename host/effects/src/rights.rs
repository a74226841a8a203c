//! What a module may do.

use std::collections::BTreeSet;

use cellhost_plan::{Ask, Asks, MachineName, PathPrefix, SecretName};

/// What a module may do: what it asked for in its manifest and is granted by the plan, on the
/// machines and with the secrets that the plan gives it.
#[derive(Debug, Clone, Default)]
pub struct Rights {
    /// What the module asked for.
    pub asks: Asks,
    /// What the plan grants of that; all of it where nothing is said here.
    pub grants: Option<Asks>,
    /// What no module may write, whatever it is granted.
    pub untouched: Vec<PathPrefix>,
    /// The machines it may name.
    pub machines: BTreeSet<MachineName>,
    /// The secrets it may name: those in its settings.
    pub secrets: BTreeSet<SecretName>,
    /// Further places to which links on a machine may lead from where it may write or read.
    pub through: Vec<PathPrefix>,
}

impl Rights {
    /// The places where it may write, and those to which links from there may lead.
    pub(crate) fn places(&self) -> impl Iterator<Item = &PathPrefix> {
        let granted = self.narrowed(|ask| ask.paths.iter().collect());
        granted.into_iter().chain(&self.through)
    }

    /// The places where it may read.
    pub(crate) fn views(&self) -> impl Iterator<Item = &PathPrefix> {
        let granted = self.narrowed(|ask| ask.paths.iter().chain(&ask.reads).collect());
        granted.into_iter()
    }

    /// What is in both what was asked for and what is granted: of two places the inner one.
    fn narrowed<'a>(&'a self, of: impl Fn(&'a Ask) -> Vec<&'a PathPrefix>) -> Vec<&'a PathPrefix> {
        let asked = self.asks.iter().flat_map(&of);
        let Some(grants) = &self.grants else {
            return asked.collect();
        };
        let inner = |asked: &'a PathPrefix| {
            grants.iter().flat_map(&of).filter_map(move |granted| {
                if asked.covers(granted.as_str()) {
                    Some(granted)
                } else {
                    granted.covers(asked.as_str()).then_some(asked)
                }
            })
        };
        asked.flat_map(inner).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(paths: &[&str]) -> Asks {
        let paths = paths.iter().map(|path| PathPrefix::new(path).unwrap());
        Asks(vec![Ask {
            paths: paths.collect(),
            ..Ask::default()
        }])
    }

    #[test]
    fn links_lead_to_what_is_both_asked_for_and_granted() {
        let mut rights = Rights {
            asks: places(&["/etc/tool", "/srv", "/opt/tool"]),
            through: vec![PathPrefix::new("/data").unwrap()],
            ..Rights::default()
        };
        let found =
            |rights: &Rights| -> Vec<String> { rights.places().map(ToString::to_string).collect() };
        assert_eq!(found(&rights), ["/etc/tool", "/srv", "/opt/tool", "/data"]);
        rights.grants = Some(places(&["/etc", "/srv/a", "/home"]));
        assert_eq!(found(&rights), ["/etc/tool", "/srv/a", "/data"]);
    }
}
