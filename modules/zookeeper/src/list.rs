use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::settings::Settings;

/// Who belongs to the ensemble, by number: where its peers find it, and whether it votes.
///
/// Each member has such a list in a file and goes by its own: two members may have two lists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct List(BTreeMap<u32, Entry>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    place: String,
    votes: bool,
}

impl List {
    /// Makes the list of these members, who all vote.
    pub(crate) fn of(
        settings: &Settings,
        members: impl IntoIterator<Item = (u32, String)>,
    ) -> Self {
        let entry = |(id, address): (u32, String)| {
            let (peers, votes) = (settings.peer_port, settings.election_port);
            let place = format!("{}:{peers}:{votes}", bracketed(&address));
            (id, Entry { place, votes: true })
        };
        Self(members.into_iter().map(entry).collect())
    }

    /// Reads what [`Self::render`] writes.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let lines = text.lines().map(str::trim);
        let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        let entries = lines.map(|line| {
            let (id, rest) = line.strip_prefix("server.")?.split_once('=')?;
            let (place, role) = rest.rsplit_once(':')?;
            let votes = match role {
                "participant" => true,
                "observer" => false,
                _ => return None,
            };
            let place = place.to_owned();
            Some((id.parse().ok()?, Entry { place, votes }))
        });
        Some(Self(entries.collect::<Option<_>>()?))
    }

    /// Writes it as ZooKeeper reads it.
    pub(crate) fn render(&self) -> String {
        let mut text = String::from("# Written by cellhost, one member at a time: not by hand.\n");
        for (id, Entry { place, votes }) in &self.0 {
            let role = if *votes { "participant" } else { "observer" };
            // Writing to a text cannot fail.
            let _ = writeln!(text, "server.{id}={place}:{role}");
        }
        text
    }

    /// Tells whether a member votes.
    pub(crate) fn has(&self, id: u32) -> bool {
        self.0.get(&id).is_some_and(|entry| entry.votes)
    }

    /// Returns those who vote.
    pub(crate) fn voters(&self) -> Self {
        let voters = self.0.iter().filter(|(_, entry)| entry.votes);
        Self(voters.map(|(id, entry)| (*id, entry.clone())).collect())
    }

    /// Returns the numbers.
    pub(crate) fn ids(&self) -> impl Iterator<Item = u32> {
        self.0.keys().copied()
    }

    /// Returns how many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns how many votes decide.
    pub(crate) fn majority(&self) -> usize {
        self.len() / 2 + 1
    }

    /// Returns the members about whom two lists do not say the same.
    pub(crate) fn differing(&self, other: &Self) -> BTreeSet<u32> {
        let ids: BTreeSet<u32> = self.ids().chain(other.ids()).collect();
        let differs = |id: &u32| self.0.get(id) != other.0.get(id);
        ids.into_iter().filter(differs).collect()
    }

    /// Returns this list with what another says about one member.
    pub(crate) fn taking(&self, id: u32, other: &Self) -> Self {
        let mut list = self.clone();
        match other.0.get(&id) {
            Some(entry) => list.0.insert(id, entry.clone()),
            None => list.0.remove(&id),
        };
        list
    }

    /// Returns this list with a member that listens and has no vote yet.
    pub(crate) fn with_observer(&self, id: u32, other: &Self) -> Self {
        let mut list = self.taking(id, other);
        if let Some(entry) = list.0.get_mut(&id) {
            entry.votes = false;
        }
        list
    }
}

/// Returns what clients connect to.
pub(crate) fn connect(settings: &Settings, addresses: impl Iterator<Item = String>) -> String {
    let port = settings.client_port;
    let servers: Vec<String> = addresses
        .map(|address| format!("{}:{port}", bracketed(&address)))
        .collect();
    let chroot = settings.chroot.as_deref().unwrap_or_default();
    format!("{}{chroot}", servers.join(","))
}

/// An address of IPv6 has colons of its own.
fn bracketed(address: &str) -> String {
    if address.contains(':') {
        format!("[{address}]")
    } else {
        address.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(ids: &[u32]) -> List {
        let members = ids.iter().map(|id| (*id, format!("10.0.0.{id}")));
        List::of(&Settings::default(), members)
    }

    #[test]
    fn what_is_written_is_read_again() {
        let list = list(&[1, 2]).with_observer(7, &list(&[7]));
        let text = list.render();
        assert!(
            text.contains("\nserver.1=10.0.0.1:2888:3888:participant\n"),
            "{text}"
        );
        assert!(
            text.contains("\nserver.7=10.0.0.7:2888:3888:observer\n"),
            "{text}"
        );
        assert_eq!(List::parse(&text), Some(list));
        assert_eq!(List::parse("server.x=y"), None);
    }

    #[test]
    fn addresses_of_ipv6_stand_in_brackets() {
        let addresses = ["fd00::1".to_owned(), "10.0.0.2".to_owned()];
        let settings = Settings {
            chroot: Some("/orders".to_owned()),
            ..Settings::default()
        };
        assert_eq!(
            connect(&settings, addresses.into_iter()),
            "[fd00::1]:2181,10.0.0.2:2181/orders"
        );
    }

    #[test]
    fn one_who_only_listens_is_no_voter() {
        let joining = list(&[1, 2, 3]).with_observer(4, &list(&[4]));
        assert!(!joining.has(4));
        assert_eq!(joining.voters(), list(&[1, 2, 3]));
    }

    #[test]
    fn two_lists_differ_in_who_is_missing_and_in_who_moved() {
        let moved = List::of(
            &Settings::default(),
            [(1, "10.0.0.1".to_owned()), (2, "10.9.9.9".to_owned())],
        );
        let differing: Vec<u32> = list(&[1, 2, 3]).differing(&moved).into_iter().collect();
        assert_eq!(differing, [2, 3]);
    }
}
