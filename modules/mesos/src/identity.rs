//! What an agent offers. It comes back after a restart only with what it offered before, or more.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Attributes and resources, as Mesos reads them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) attributes: BTreeMap<String, String>,
    pub(crate) resources: BTreeMap<String, String>,
}

/// The variables that hold the two.
const VARIABLES: [&str; 2] = ["MESOS_ATTRIBUTES", "MESOS_RESOURCES"];

impl Identity {
    /// Reads what [`Self::render`] writes.
    pub(crate) fn parse(text: &str) -> Self {
        let [attributes, resources] = VARIABLES.map(|name| {
            let mut lines = text.lines().filter_map(|line| line.split_once('='));
            let value = lines.find_map(|(own, value)| (own == name).then_some(value));
            let pairs = value.unwrap_or_default().trim_matches('"').split(';');
            let pairs = pairs.filter_map(|pair| pair.split_once(':'));
            pairs
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect()
        });
        Self {
            attributes,
            resources,
        }
    }

    /// Writes it for Mesos.
    pub(crate) fn render(&self) -> String {
        let mut text = String::from("# What this agent offers. Written by cellhost.\n");
        for (name, pairs) in VARIABLES.iter().zip([&self.attributes, &self.resources]) {
            if !pairs.is_empty() {
                // Writing to a text cannot fail.
                let _ = writeln!(text, "{name}=\"{}\"", joined(pairs));
            }
        }
        text
    }

    /// Says what keeps an agent that offered this from coming back with what is wished for.
    pub(crate) fn hinders(&self, wished: &Self) -> Option<String> {
        let gone = |(key, value): &(&String, &String)| wished.attributes.get(*key) != Some(*value);
        if self.attributes.iter().any(|one| gone(&one)) {
            let (is, was) = (joined(&wished.attributes), joined(&self.attributes));
            return Some(format!("attributes change from `{was}` to `{is}`"));
        }
        let fits = self.resources.len() == wished.resources.len()
            && self.resources.iter().all(|(key, was)| {
                let is = wished.resources.get(key);
                is.is_some_and(|is| is == was || grows(was, is))
            });
        (!fits).then(|| {
            let (is, was) = (joined(&wished.resources), joined(&self.resources));
            format!("resources change from `{was}` to `{is}`")
        })
    }
}

/// Whether there is more of a resource, and nothing less: a number, or one range.
fn grows(was: &str, is: &str) -> bool {
    let range = |text: &str| {
        let inner = text.strip_prefix('[')?.strip_suffix(']')?;
        let (first, last) = inner.split_once('-')?;
        Some((first.parse::<u32>().ok()?, last.parse::<u32>().ok()?))
    };
    if let (Some(was), Some(is)) = (range(was), range(is)) {
        return is.0 <= was.0 && was.1 <= is.1;
    }
    let number = |text: &str| text.parse::<f64>().ok();
    matches!((number(was), number(is)), (Some(was), Some(is)) if is >= was)
}

fn joined(pairs: &BTreeMap<String, String>) -> String {
    let pairs = pairs.iter().map(|(key, value)| format!("{key}:{value}"));
    pairs.collect::<Vec<_>>().join(";")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(attributes: &[(&str, &str)], resources: &[(&str, &str)]) -> Identity {
        let [attributes, resources] = [attributes, resources].map(|pairs| {
            let pairs = pairs.iter();
            pairs
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect()
        });
        Identity {
            attributes,
            resources,
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let known = identity(
            &[("zone", "a"), ("rack", "r1")],
            &[("cpus", "4"), ("ports", "[31000-32000]")],
        );
        let text = known.render();
        assert!(
            text.contains("\nMESOS_ATTRIBUTES=\"rack:r1;zone:a\"\n"),
            "{text}"
        );
        assert_eq!(Identity::parse(&text), known);
        assert_eq!(Identity::parse(""), Identity::default());
    }

    #[test]
    fn an_agent_comes_back_with_more_and_not_with_something_else() {
        let known = identity(
            &[("zone", "a")],
            &[("cpus", "4"), ("ports", "[31000-31500]")],
        );
        let more = identity(
            &[("zone", "a"), ("rack", "r1")],
            &[("cpus", "8"), ("ports", "[31000-32000]")],
        );
        assert_eq!(known.hinders(&known), None);
        assert_eq!(known.hinders(&more), None);
        assert_eq!(
            more.hinders(&known).as_deref(),
            Some("attributes change from `rack:r1;zone:a` to `zone:a`")
        );
        let less = identity(
            &[("zone", "a")],
            &[("cpus", "2"), ("ports", "[31000-31500]")],
        );
        assert_eq!(
            known.hinders(&less).as_deref(),
            Some(
                "resources change from `cpus:4;ports:[31000-31500]` to \
                 `cpus:2;ports:[31000-31500]`"
            )
        );
        // What it took before by itself, nobody knows here.
        let named = identity(
            &[("zone", "a")],
            &[("cpus", "4"), ("mem", "512"), ("ports", "[31000-31500]")],
        );
        assert!(known.hinders(&named).is_some());
    }
}
