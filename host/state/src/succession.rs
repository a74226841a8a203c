//! Numbered objects of which the last one counts. Whoever wants to say something new creates the
//! next number, so of two that try at once one learns that the other was first.

use crate::store::Created;
use crate::{Store, StoreError};

/// How often is looked again where the last one gave way while it was read.
const LOOKS: usize = 20;

/// Objects that follow each other in one folder.
#[derive(Clone)]
pub(crate) struct Succession {
    store: Store,
    folder: &'static str,
}

/// The last of them: its number and what it holds. Number 0 holds nothing and is before all others.
pub(crate) type Last = (u64, Vec<u8>);

impl Succession {
    pub(crate) fn of(store: Store, folder: &'static str) -> Self {
        Self { store, folder }
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    fn name(&self, number: u64) -> String {
        format!("{}/{number:012}", self.folder)
    }

    pub(crate) async fn last(&self) -> Result<Last, StoreError> {
        for _ in 0..LOOKS {
            let number = self.highest().await?;
            if number == 0 {
                return Ok((0, Vec::new()));
            }
            if let Some(bytes) = self.store.read(&self.name(number)).await? {
                return Ok((number, bytes));
            }
        }
        let reason = "give way to each other faster than they can be read";
        Err(self.store.broken(self.folder, reason))
    }

    async fn highest(&self) -> Result<u64, StoreError> {
        let files = self.store.files(self.folder).await?;
        let numbers = files.iter().filter_map(|name| name.parse().ok());
        Ok(numbers.max().unwrap_or(0))
    }

    /// Says something new after the object with a number. Gives the new number, or what stands in
    /// the way.
    ///
    /// Objects that no longer count are removed, so the next number may be free although others
    /// came after it: who slept for an hour learns that by the look behind it.
    pub(crate) async fn follow(&self, number: u64, bytes: &[u8]) -> Result<Followed, StoreError> {
        let next = number.saturating_add(1);
        let name = self.name(next);
        if let Created::Taken(bytes) = self.store.create(&name, bytes).await? {
            return Ok(Followed::Taken((next, bytes)));
        }
        let highest = self.highest().await?;
        if highest == next {
            return Ok(Followed::With(next));
        }
        self.store.discard(&name).await;
        Ok(Followed::Taken(self.last().await?))
    }

    /// Whether the store keeps to what all of this rests on.
    pub(crate) async fn check(&self, number: u64, bytes: &[u8]) -> Result<(), StoreError> {
        self.store.check(&self.name(number), bytes).await
    }

    /// Removes one that no longer counts.
    pub(crate) async fn discard(&self, number: u64) {
        if number > 0 {
            self.store.discard(&self.name(number)).await;
        }
    }
}

/// What came of saying something new.
pub(crate) enum Followed {
    /// It is said, with this number.
    With(u64),
    /// Somebody else said something; this is what counts now.
    Taken(Last),
}

#[cfg(test)]
#[cfg(feature = "stores")]
mod tests {
    use std::time::Duration;

    use cellhost_plan::{CellName, State, StoreKind};

    use super::*;

    fn words(place: &tempfile::TempDir) -> Succession {
        let closed = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        std::fs::set_permissions(place.path(), closed).unwrap();
        let state = State {
            kind: StoreKind::Directory,
            bucket: String::new(),
            prefix: place.path().display().to_string(),
            endpoint: None,
            region: None,
            patience: Duration::from_secs(3),
        };
        let store = Store::open(&state, &CellName::new("web").unwrap()).unwrap();
        Succession::of(store, "words")
    }

    fn number(followed: &Followed) -> Option<u64> {
        match followed {
            Followed::With(number) => Some(*number),
            Followed::Taken(_) => None,
        }
    }

    #[tokio::test]
    async fn of_two_that_follow_the_same_one_the_second_learns_of_the_first() {
        let place = tempfile::tempdir().unwrap();
        let words = words(&place);
        assert_eq!(words.last().await.unwrap().0, 0);
        assert_eq!(number(&words.follow(0, b"one").await.unwrap()), Some(1));
        let second = words.follow(0, b"other").await.unwrap();
        assert!(matches!(second, Followed::Taken((1, bytes)) if bytes == b"one"));
        // Whoever says the same again, since no answer came, has said it.
        assert_eq!(number(&words.follow(0, b"one").await.unwrap()), Some(1));
        words.check(1, b"one").await.unwrap();
    }

    #[tokio::test]
    async fn who_slept_while_others_came_and_went_is_none_of_them() {
        let place = tempfile::tempdir().unwrap();
        let words = words(&place);
        for at in 0..5 {
            let followed = words.follow(at, format!("{at}").as_bytes()).await.unwrap();
            assert_eq!(number(&followed), Some(at + 1));
            words.discard(at).await;
        }
        // The number after the one that was known is free again, and counts for nothing.
        let late = words.follow(1, b"late").await.unwrap();
        assert!(matches!(late, Followed::Taken((5, bytes)) if bytes == b"4"));
        assert_eq!(words.highest().await.unwrap(), 5);
        let left = std::fs::read_dir(place.path().join("web/words")).unwrap();
        assert_eq!(left.count(), 1);
    }
}
