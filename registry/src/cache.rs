//! What was fetched, by its hash: never the same thing twice, and never something else.

use std::path::{Path, PathBuf};

use cellhost_artifact::named;
use cellhost_plan::is_digest;
use rustix::fs::{FlockOperation, flock};

use crate::whole;

/// What was fetched may be nobody else's business.
const MODE: u32 = 0o600;

/// A directory of bytes whose names are their hashes. Many processes may use it at once: who comes
/// second waits for what the first one fetches.
#[derive(Debug, Clone)]
pub struct Cache {
    root: PathBuf,
    /// What is read before, and never written.
    beside: Option<PathBuf>,
}

/// Why something cannot be had from a cache, or kept in it.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// What lies there is not what its name says.
    #[error("`{}` is damaged: {expected} was expected and {found} found", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Its name.
        expected: String,
        /// The hash of what it holds.
        found: String,
    },
    /// It cannot be read or written.
    #[error("cannot keep modules in `{}`", path.display())]
    Unusable {
        /// The directory.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// It is asked for by what is no hash.
    #[error("`{name}` is no SHA-256 of anything")]
    Unnamed {
        /// What it is asked for by.
        name: String,
    },
    /// It was not fetched whole, or is something else.
    #[error("{expected} was expected, and {found} came")]
    Swapped {
        /// What was asked for.
        expected: String,
        /// The hash of what came.
        found: String,
    },
}

/// The right to put one thing into the cache, as long as it lives.
#[derive(Debug)]
pub(crate) struct Vacancy {
    root: PathBuf,
    digest: String,
    _lock: fs_err::File,
}

/// What a cache says of a hash.
#[derive(Debug)]
pub(crate) enum Place {
    /// These are the bytes.
    Taken(Vec<u8>),
    /// Nobody has it, and nobody else fetches it until this is gone.
    Vacant(Vacancy),
}

impl Cache {
    /// A cache in this directory, which need not be there yet.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            beside: None,
        }
    }

    /// The same with what is in an OCI layout, such as `cellhost vendor` makes.
    #[must_use]
    pub fn with_layout(mut self, directory: &Path) -> Self {
        self.beside = Some(directory.join("blobs"));
        self
    }

    /// The bytes with this hash, if they are here.
    #[cfg(test)]
    fn get(&self, digest: &str) -> Result<Option<Vec<u8>>, CacheError> {
        look(&self.root, digest)
    }

    /// Keeps bytes that came without being asked for by their hash.
    pub(crate) async fn keep(&self, bytes: &[u8]) -> Result<(), CacheError> {
        match self.claim(&named(bytes)).await? {
            Place::Taken(_) => Ok(()),
            Place::Vacant(vacancy) => vacancy.fill(bytes),
        }
    }

    /// The bytes with this hash, or the right to fetch them. Waits for whoever fetches them now.
    pub(crate) async fn claim(&self, digest: &str) -> Result<Place, CacheError> {
        if let Some(beside) = &self.beside
            && let Some(bytes) = look(beside, digest)?
        {
            return Ok(Place::Taken(bytes));
        }
        let (root, digest) = (self.root.clone(), digest.to_owned());
        let unusable = unusable(&self.root);
        let work = tokio::task::spawn_blocking(move || claim(root, digest));
        work.await
            .map_err(|error| unusable(std::io::Error::other(error)))?
    }
}

impl Vacancy {
    /// Puts bytes there, as a whole or not at all.
    pub(crate) fn fill(self, bytes: &[u8]) -> Result<(), CacheError> {
        let found = named(bytes);
        if found != self.digest {
            return Err(CacheError::Swapped {
                expected: self.digest,
                found,
            });
        }
        let path = path(&self.root, &self.digest)?;
        whole::write(&path, bytes, MODE).map_err(unusable(&self.root))
    }
}

fn claim(root: PathBuf, digest: String) -> Result<Place, CacheError> {
    if let Some(bytes) = look(&root, &digest)? {
        return Ok(Place::Taken(bytes));
    }
    let path = path(&root, &digest)?.with_extension("lock");
    let locked = || {
        fs_err::create_dir_all(path.parent().unwrap_or(&root))?;
        let lock = fs_err::OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)?;
        flock(&lock, FlockOperation::LockExclusive)?;
        Ok(lock)
    };
    let lock = locked().map_err(unusable(&root))?;
    // Whoever was waited for has left it here, or has failed.
    Ok(match look(&root, &digest)? {
        Some(bytes) => Place::Taken(bytes),
        None => Place::Vacant(Vacancy {
            root,
            digest,
            _lock: lock,
        }),
    })
}

fn look(root: &Path, digest: &str) -> Result<Option<Vec<u8>>, CacheError> {
    let path = path(root, digest)?;
    let bytes = match fs_err::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unusable(root)(error)),
    };
    let found = named(&bytes);
    if found == digest {
        return Ok(Some(bytes));
    }
    Err(CacheError::Damaged {
        path,
        expected: digest.to_owned(),
        found,
    })
}

/// Where bytes with this hash are. What is no hash could lead anywhere.
fn path(root: &Path, digest: &str) -> Result<PathBuf, CacheError> {
    let digits = digest.strip_prefix("sha256:").filter(|_| is_digest(digest));
    let digits = digits.ok_or_else(|| CacheError::Unnamed {
        name: digest.to_owned(),
    })?;
    Ok(root.join("sha256").join(digits))
}

fn unusable(root: &Path) -> impl Fn(std::io::Error) -> CacheError + use<> {
    let path = root.to_owned();
    move |source| CacheError::Unusable {
        path: path.clone(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use cellhost_artifact::named;
    use proptest::prelude::*;

    use super::*;

    #[tokio::test]
    async fn what_was_kept_comes_back() {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::new(directory.path().join("deep/cache"));
        let digest = named(b"module");
        assert_eq!(cache.get(&digest).unwrap(), None);
        let Place::Vacant(vacancy) = cache.claim(&digest).await.unwrap() else {
            panic!("nobody has it")
        };
        vacancy.fill(b"module").unwrap();
        assert_eq!(cache.get(&digest).unwrap().unwrap(), b"module");
        assert!(matches!(
            cache.claim(&digest).await.unwrap(),
            Place::Taken(_)
        ));
    }

    #[tokio::test]
    async fn who_comes_second_waits_for_the_first() {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::new(directory.path());
        let fetched = Arc::new(AtomicUsize::new(0));
        let all = (0..50).map(|_| {
            let (cache, fetched) = (cache.clone(), fetched.clone());
            tokio::spawn(async move {
                if let Place::Vacant(vacancy) = cache.claim(&named(b"module")).await.unwrap() {
                    fetched.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                    vacancy.fill(b"module").unwrap();
                }
            })
        });
        for one in all.collect::<Vec<_>>() {
            one.await.unwrap();
        }
        assert_eq!(fetched.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn keeps_nothing_under_the_name_of_something_else() {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::new(directory.path());
        let Place::Vacant(vacancy) = cache.claim(&named(b"module")).await.unwrap() else {
            panic!("nobody has it")
        };
        let error = vacancy.fill(b"modula").unwrap_err().to_string();
        assert!(
            error.contains(&named(b"module")) && error.contains(&named(b"modula")),
            "{error}"
        );
        assert_eq!(cache.get(&named(b"module")).unwrap(), None);
    }

    #[tokio::test]
    async fn what_is_no_hash_leads_nowhere() {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::new(directory.path().join("cache"));
        for name in ["", "sha256:", "sha256:../../out", "../out", "sha512:00"] {
            let error = cache.claim(name).await.unwrap_err();
            assert!(matches!(error, CacheError::Unnamed { .. }), "{error}");
        }
        assert_eq!(fs_err::read_dir(directory.path()).unwrap().count(), 0);
    }

    proptest! {
        #[test]
        fn a_file_that_was_changed_is_named(bytes in prop::collection::vec(any::<u8>(), 1..200), place: prop::sample::Index, bit in 0..8_u8) {
            let directory = tempfile::tempdir().unwrap();
            let cache = Cache::new(directory.path());
            let path = path(directory.path(), &named(&bytes)).unwrap();
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            let mut other = bytes.clone();
            if let Some(byte) = other.get_mut(place.index(bytes.len())) {
                *byte ^= 1 << bit;
            }
            for damaged in [other.as_slice(), bytes.get(1..).unwrap()] {
                fs_err::write(&path, damaged).unwrap();
                let error = cache.get(&named(&bytes)).unwrap_err().to_string();
                let told = [named(&bytes), named(damaged), path.display().to_string()];
                prop_assert!(told.iter().all(|told| error.contains(told)), "{}", error);
            }
        }
    }
}
