//! From a requirement to bytes.

use std::collections::BTreeSet;

use cellhost_manifest::{digest, extract};
use cellhost_plan::{ModuleId, did_you_mean};
use semver::{Version, VersionReq};

use crate::{Shelf, ShelfError};

/// All shelves, in the order in which they are asked.
#[derive(Default)]
pub struct Registry {
    shelves: Vec<Box<dyn Shelf>>,
}

/// A module in one version, with its bytes.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// The module.
    pub module: ModuleId,
    /// The version.
    pub version: Version,
    /// Where it came from, in words.
    pub origin: String,
    /// The SHA-256 of the bytes, in hexadecimal.
    pub digest: String,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// Why there is no such module.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// No shelf has a module of this name.
    #[error("there is no module `{module}`")]
    Unknown {
        /// The name asked for.
        module: ModuleId,
        /// What to do about it.
        hint: String,
    },
    /// No version that there is will do.
    #[error("no version of module `{module}` matches `{requirement}`")]
    NoVersion {
        /// The name asked for.
        module: ModuleId,
        /// The requirement.
        requirement: VersionReq,
        /// The versions that there are, highest first, with where they are.
        found: String,
    },
    /// A shelf gave other bytes than it promised.
    #[error("{origin} gave `{found}` for module `{module}` {version}")]
    Swapped {
        /// The shelf.
        origin: String,
        /// The name asked for.
        module: ModuleId,
        /// The version asked for.
        version: Version,
        /// What the bytes say they are.
        found: String,
    },
    /// A shelf cannot be used.
    #[error(transparent)]
    Shelf(#[from] ShelfError),
}

impl Registry {
    /// A registry over these shelves. Where two have the same version, the first one's is taken.
    pub fn new(shelves: Vec<Box<dyn Shelf>>) -> Self {
        Self { shelves }
    }

    /// Finds the highest version that a requirement accepts.
    pub fn resolve(
        &self,
        module: &ModuleId,
        requirement: &VersionReq,
    ) -> Result<Resolved, ResolveError> {
        let mut known = Vec::new();
        let mut versions: Vec<(Version, usize)> = Vec::new();
        for (place, shelf) in self.shelves.iter().enumerate() {
            for (id, found) in shelf.modules()? {
                if id == *module {
                    versions.extend(found.into_iter().map(|version| (version, place)));
                }
                known.push(id.to_string());
            }
        }
        if versions.is_empty() {
            return Err(ResolveError::Unknown {
                module: module.clone(),
                hint: self.hint(module, &known),
            });
        }
        // Highest version first; within one version, the first shelf.
        versions.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
        let best = versions
            .iter()
            .find(|(version, _)| requirement.matches(version));
        let Some((version, place)) = best else {
            let found = versions.iter().map(|(version, place)| {
                let origin = self
                    .shelves
                    .get(*place)
                    .map_or_else(String::new, |s| s.origin());
                format!("{version} ({origin})")
            });
            return Err(ResolveError::NoVersion {
                module: module.clone(),
                requirement: requirement.clone(),
                found: found.collect::<Vec<_>>().join(", "),
            });
        };
        self.fetch(module, version, *place)
    }

    fn hint(&self, module: &ModuleId, known: &[String]) -> String {
        let rejects = self.shelves.iter().flat_map(|shelf| shelf.rejects());
        if let Some((_, reason)) = rejects.into_iter().find(|(name, _)| name == module.name()) {
            return reason;
        }
        if known.is_empty() {
            return "this program was built without modules; build them with `cargo xtask \
                    guests`, or name a directory of modules with `--modules`"
                .to_owned();
        }
        let known: BTreeSet<&str> = known.iter().map(String::as_str).collect();
        did_you_mean(&module.to_string(), known.iter().copied()).unwrap_or_else(|| {
            let names: Vec<&str> = known.into_iter().collect();
            format!("there are {}", names.join(", "))
        })
    }

    fn fetch(
        &self,
        module: &ModuleId,
        version: &Version,
        place: usize,
    ) -> Result<Resolved, ResolveError> {
        let swapped = |origin: String, found: String| ResolveError::Swapped {
            origin,
            module: module.clone(),
            version: version.clone(),
            found,
        };
        let Some(holder) = self.shelves.get(place) else {
            return Err(swapped("nobody".to_owned(), "nothing".to_owned()));
        };
        let origin = holder.origin();
        let Some(bytes) = holder.fetch(module, version)? else {
            return Err(swapped(origin, "nothing".to_owned()));
        };
        match extract(&bytes) {
            Ok(inside) if inside.manifest.id() == module && inside.manifest.version == *version => {
                let digest = digest(&bytes);
                Ok(Resolved {
                    module: module.clone(),
                    version: version.clone(),
                    origin,
                    digest,
                    bytes,
                })
            }
            Ok(other) => {
                let found = format!("{} {}", other.manifest.id(), other.manifest.version);
                Err(swapped(origin, found))
            }
            Err(error) => Err(swapped(origin, error.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A shelf that claims to hold empty modules.
    struct Claims(Vec<(&'static str, Vec<&'static str>)>);

    impl Shelf for Claims {
        fn origin(&self) -> String {
            "claims".to_owned()
        }

        fn modules(&self) -> Result<Vec<(ModuleId, Vec<Version>)>, ShelfError> {
            let parse = |text: &&str| Version::parse(text).unwrap();
            Ok(self
                .0
                .iter()
                .map(|(name, versions)| {
                    (name.parse().unwrap(), versions.iter().map(parse).collect())
                })
                .collect())
        }

        fn fetch(&self, _: &ModuleId, _: &Version) -> Result<Option<Vec<u8>>, ShelfError> {
            Ok(Some(b"not wasm".to_vec()))
        }
    }

    fn resolve(claims: Claims, name: &str, requirement: &str) -> ResolveError {
        let registry = Registry::new(vec![Box::new(claims)]);
        let requirement = VersionReq::parse(requirement).unwrap();
        registry
            .resolve(&name.parse().unwrap(), &requirement)
            .unwrap_err()
    }

    #[test]
    fn names_what_is_near_an_unknown_module() {
        let error = resolve(Claims(vec![("galera", vec!["1.0.0"])]), "galara", "*");
        assert!(matches!(error, ResolveError::Unknown { hint, .. } if hint.contains("galera")));
    }

    #[test]
    fn lists_the_versions_that_do_not_match() {
        let error = resolve(
            Claims(vec![("galera", vec!["1.0.0", "1.2.0"])]),
            "galera",
            "^2",
        );
        let ResolveError::NoVersion { found, .. } = error else {
            panic!("{error}")
        };
        assert_eq!(found, "1.2.0 (claims), 1.0.0 (claims)");
    }

    #[test]
    fn takes_the_highest_version_and_refuses_bytes_that_are_not_it() {
        let error = resolve(
            Claims(vec![("galera", vec!["1.0.0", "1.10.0", "1.9.0"])]),
            "galera",
            "^1",
        );
        let ResolveError::Swapped { version, .. } = error else {
            panic!("{error}")
        };
        assert_eq!(version, Version::new(1, 10, 0));
    }
}
