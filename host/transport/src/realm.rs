//! Where the paths of a request may lead.

use std::collections::BTreeSet;

/// The places to which the paths of a request may lead: absolute and plain, each with all below it.
///
/// The machine holds what a path really is, whatever links are on the way, against what these places
/// really are. Links above one of them count as the system's own where nobody but root could have put
/// them there; one that stands at a place itself leads out of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Realm(BTreeSet<String>);

impl Realm {
    /// A realm of these places.
    pub fn new<P: Into<String>>(places: impl IntoIterator<Item = P>) -> Self {
        Self(places.into_iter().map(Into::into).collect())
    }

    /// Adds a place.
    pub fn add(&mut self, place: impl Into<String>) {
        self.0.insert(place.into());
    }

    /// Tells whether a path is at one of the places or below it, by its text.
    pub fn covers(&self, path: &str) -> bool {
        self.0.iter().any(|place| {
            let below = path.strip_prefix(place.trim_end_matches('/'));
            below.is_some_and(|below| below.is_empty() || below.starts_with('/'))
        })
    }

    /// The places.
    pub(crate) fn places(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::Realm;

    #[test]
    fn covers_its_places_and_what_is_below() {
        let realm = Realm::new(["/srv/a", "/etc/hosts"]);
        assert!(realm.covers("/srv/a") && realm.covers("/srv/a/b"));
        assert!(!realm.covers("/srv/ab") && !realm.covers("/srv") && !realm.covers("/etc/hosts2"));
        assert!(Realm::new(["/"]).covers("/x") && !Realm::default().covers("/x"));
    }
}
