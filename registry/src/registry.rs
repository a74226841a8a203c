//! From a requirement to bytes.

use std::collections::{BTreeMap, BTreeSet};

use cellhost_artifact::Pin;
use cellhost_plan::{Denial, Exact, ModuleId, ModulePlace, did_you_mean};
use semver::{Op, Version, VersionReq};

use crate::{Remote, RemoteError, ResolveError, Resolved, Shelf, ShelfError, Stock, Trust};

/// All shelves, in the order in which they are asked.
#[derive(Default)]
pub struct Registry {
    shelves: Vec<Box<dyn Shelf>>,
    trust: Trust,
    deny: BTreeMap<ModuleId, Denial>,
    open: Option<Box<Opener>>,
}

/// Opens a place that is named by somebody else than the shelves.
type Opener = dyn Fn(&ModulePlace) -> Remote + Send + Sync;

impl Registry {
    /// A registry over these shelves. Where two have the same version, the first one's is taken.
    pub fn new(shelves: Vec<Box<dyn Shelf>>) -> Self {
        Self {
            shelves,
            ..Self::default()
        }
    }

    /// The same with somebody's word for what comes from registries; nothing comes from there without.
    #[must_use]
    pub fn trusting(mut self, trust: Trust) -> Self {
        self.trust = trust;
        self
    }

    /// The same without some versions.
    #[must_use]
    pub fn denying(mut self, deny: BTreeMap<ModuleId, Denial>) -> Self {
        self.deny = deny;
        self
    }

    /// The same with a way to places that are named by an address with a hash.
    #[must_use]
    pub fn opening(
        mut self,
        open: impl Fn(&ModulePlace) -> Remote + Send + Sync + 'static,
    ) -> Self {
        self.open = Some(Box::new(open));
        self
    }

    /// Finds the highest version that a requirement accepts, on the first shelf that has one; or what
    /// it was pinned to, where a pin is of the shelf that is asked.
    pub async fn resolve(
        &self,
        module: &ModuleId,
        requirement: &VersionReq,
        pin: Option<&Pin>,
    ) -> Result<Resolved, ResolveError> {
        let mut others: Vec<(Version, String)> = Vec::new();
        for shelf in self.shelves.iter().filter(|shelf| shelf.serves(module)) {
            let shelf = shelf.as_ref();
            if let Some(pin) = pin.filter(|pin| shelf.keeps(pin)) {
                let fetched = shelf.pinned(pin).await?;
                let found =
                    Resolved::checked(shelf, module, Some(&pin.version), requirement, fetched)?;
                self.undenied(&found)?;
                return self.vouched(shelf, found).await;
            }
            let stock = shelf.stock(module).await?;
            let Some(version) = self.chosen(module, requirement, &stock) else {
                let told = |version| (self.told(module, &version, shelf, &stock), version);
                let told = stock.versions.iter().cloned().map(told);
                others.extend(told.map(|(words, version)| (version, words)));
                continue;
            };
            let fetched = shelf.fetch(module, &version).await?;
            let fetched = fetched.ok_or_else(|| ResolveError::Swapped {
                origin: shelf.origin(),
                module: module.clone(),
                version: Some(version.clone()),
                found: "nothing".to_owned(),
            })?;
            let mut found = Resolved::checked(shelf, module, Some(&version), requirement, fetched)?;
            if stock.yanked.contains(&version) {
                let reason = shelf.reason(module, &version).await?;
                found.yanked = Some(reason.unwrap_or_else(|| "nobody said why".to_owned()));
            }
            return self.vouched(shelf, found).await;
        }
        if others.is_empty() {
            return Err(ResolveError::Unknown {
                module: module.clone(),
                hint: self.hint(module)?,
            });
        }
        // Highest version first; within one version, the first shelf.
        others.sort_by(|a, b| b.0.cmp(&a.0));
        let found: Vec<String> = others.into_iter().map(|(_, words)| words).collect();
        Err(ResolveError::NoVersion {
            module: module.clone(),
            requirement: requirement.clone(),
            found: found.join(", "),
        })
    }

    /// What an address with a hash means. Whoever wrote the hash vouches for it.
    pub async fn resolve_exact(
        &self,
        module: &ModuleId,
        requirement: &VersionReq,
        exact: &Exact,
    ) -> Result<Resolved, ResolveError> {
        let Some(open) = &self.open else {
            let address = exact.to_string();
            return Err(ShelfError::from(RemoteError::Offline { address }).into());
        };
        let remote = open(&exact.place);
        let fetched = remote.exact(module, &exact.manifest).await;
        let fetched = fetched.map_err(ShelfError::from)?;
        let found = Resolved::checked(&remote, module, None, requirement, fetched)?;
        self.undenied(&found)?;
        if requirement.matches(&found.version) {
            return Ok(found);
        }
        Err(ResolveError::NoVersion {
            module: module.clone(),
            requirement: requirement.clone(),
            found: format!("{} ({})", found.version, found.origin),
        })
    }

    /// The highest version that will do. One that is yanked, or not finished, is taken by its name only.
    fn chosen(
        &self,
        module: &ModuleId,
        requirement: &VersionReq,
        stock: &Stock,
    ) -> Option<Version> {
        let is_named = match requirement.comparators.as_slice() {
            [one] => one.op == Op::Exact && one.patch.is_some(),
            _ => false,
        };
        let will_do = |version: &&Version| {
            requirement.matches(version)
                && (is_named || !stock.yanked.contains(version))
                && self.denial(module, version).is_none()
        };
        stock.versions.iter().filter(will_do).max().cloned()
    }

    fn denial(&self, module: &ModuleId, version: &Version) -> Option<&Denial> {
        let denial = self.deny.get(module)?;
        denial.versions.matches(version).then_some(denial)
    }

    /// Refuses what the plan does not take, however it was found.
    fn undenied(&self, found: &Resolved) -> Result<(), ResolveError> {
        let Some(denial) = self.denial(&found.module, &found.version) else {
            return Ok(());
        };
        Err(ResolveError::Denied {
            module: found.module.clone(),
            version: found.version.clone(),
            reason: denial.reason.clone(),
        })
    }

    /// A version with where it is, and why it is not taken where that is no matter of its number.
    fn told(
        &self,
        module: &ModuleId,
        version: &Version,
        shelf: &dyn Shelf,
        stock: &Stock,
    ) -> String {
        let mut words = shelf.origin();
        if stock.yanked.contains(version) {
            words.push_str(", yanked");
        }
        if let Some(denial) = self.denial(module, version) {
            words.push_str(", denied");
            if let Some(reason) = &denial.reason {
                words.push_str(": ");
                words.push_str(reason);
            }
        }
        format!("{version} ({words})")
    }

    /// Refuses what comes from a registry without the word of those who are trusted. What is known of
    /// that is enough where it is enough; else the registry is asked.
    async fn vouched(
        &self,
        shelf: &dyn Shelf,
        mut resolved: Resolved,
    ) -> Result<Resolved, ResolveError> {
        let Some(pin) = &mut resolved.pin else {
            return Ok(resolved);
        };
        let now = jiff::Timestamp::now().to_string();
        let today = now.get(..10).unwrap_or(&now);
        let judge = |pin: &Pin| {
            self.trust
                .judge(&pin.module, &pin.manifest, &pin.signatures, today)
        };
        let Err(error) = judge(pin) else {
            return Ok(resolved);
        };
        if !self.trust.wants_signatures(&pin.module) {
            return Err(error.into());
        }
        pin.signatures = match shelf.signatures(pin).await {
            Ok(found) => found,
            Err(ShelfError::Remote(RemoteError::Offline { .. })) => return Err(error.into()),
            Err(error) => return Err(error.into()),
        };
        judge(pin)?;
        Ok(resolved)
    }

    /// All versions of a module, by where they are, in the order in which places are asked, each with
    /// why it is not taken.
    pub async fn survey(
        &self,
        module: &ModuleId,
    ) -> Vec<(String, Result<Vec<String>, ShelfError>)> {
        let mut found = Vec::new();
        for shelf in self.shelves.iter().filter(|shelf| shelf.serves(module)) {
            found.push((shelf.origin(), self.versions(module, shelf.as_ref()).await));
        }
        found
    }

    /// All versions of a module on a shelf in words, highest first.
    async fn versions(
        &self,
        module: &ModuleId,
        shelf: &dyn Shelf,
    ) -> Result<Vec<String>, ShelfError> {
        let mut stock = shelf.stock(module).await?;
        stock.versions.sort();
        let mut found = Vec::new();
        for version in stock.versions.iter().rev() {
            let mut words = version.to_string();
            if stock.yanked.contains(version) {
                let reason = shelf.reason(module, version).await?;
                let reason = reason.map(|reason| format!(": {reason}"));
                words.push_str(" (yanked");
                words.push_str(&reason.unwrap_or_default());
                words.push(')');
            }
            if self.denial(module, version).is_some() {
                words.push_str(" (denied by the plan)");
            }
            found.push(words);
        }
        Ok(found)
    }

    fn hint(&self, module: &ModuleId) -> Result<String, ShelfError> {
        let rejects = self.shelves.iter().flat_map(|shelf| shelf.rejects());
        if let Some((_, reason)) = rejects.into_iter().find(|(name, _)| name == module.name()) {
            return Ok(reason);
        }
        let mut known = BTreeSet::new();
        for shelf in &self.shelves {
            known.extend(shelf.modules()?.iter().map(ToString::to_string));
        }
        let asked = self.shelves.iter().filter(|shelf| shelf.serves(module));
        let asked: Vec<String> = asked.map(|shelf| shelf.origin()).collect();
        let is_here = self.shelves.iter().all(|shelf| !shelf.is_remote());
        if known.is_empty() {
            return Ok(
                "this program was built without modules; build them with `cargo xtask \
                       guests`, or name a directory of modules with `--modules`"
                    .to_owned(),
            );
        }
        let asked = asked.join(", ");
        let near = did_you_mean(&module.to_string(), known.iter().map(String::as_str));
        Ok(match near {
            Some(near) if is_here => near,
            Some(near) => format!("{near} (looked for in {asked})"),
            None => format!("looked for in {asked}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;

    use super::*;
    use crate::Fetched;

    /// A shelf that claims to hold empty modules.
    struct Claims(&'static str, Vec<(&'static str, Vec<&'static str>)>);

    const YANKED: Version = Version::new(1, 99, 0);

    #[async_trait]
    impl Shelf for Claims {
        fn origin(&self) -> String {
            self.0.to_owned()
        }

        fn modules(&self) -> Result<Vec<ModuleId>, ShelfError> {
            Ok(self
                .1
                .iter()
                .map(|(name, _)| name.parse().unwrap())
                .collect())
        }

        async fn stock(&self, module: &ModuleId) -> Result<Stock, ShelfError> {
            let own = self.1.iter().filter(|(name, _)| module.name() == *name);
            let versions = own.flat_map(|(_, versions)| versions);
            Ok(Stock {
                versions: versions.map(|text| Version::parse(text).unwrap()).collect(),
                yanked: [YANKED].into(),
            })
        }

        async fn fetch(&self, _: &ModuleId, _: &Version) -> Result<Option<Fetched>, ShelfError> {
            let bytes = b"not wasm".to_vec();
            Ok(Some(Fetched { bytes, pin: None }))
        }
    }

    async fn resolve(shelves: Vec<Claims>, name: &str, requirement: &str) -> ResolveError {
        let boxed = |shelf| -> Box<dyn Shelf> { Box::new(shelf) };
        let registry = Registry::new(shelves.into_iter().map(boxed).collect());
        let requirement = VersionReq::parse(requirement).unwrap();
        let name = name.parse().unwrap();
        let found = registry.resolve(&name, &requirement, None).await;
        found.unwrap_err()
    }

    #[tokio::test]
    async fn names_what_is_near_an_unknown_module() {
        let claims = Claims("claims", vec![("galera", vec!["1.0.0"])]);
        let error = resolve(vec![claims], "galara", "*").await;
        assert!(matches!(error, ResolveError::Unknown { hint, .. } if hint.contains("galera")));
    }

    #[tokio::test]
    async fn lists_the_versions_that_do_not_match() {
        let claims = Claims("claims", vec![("galera", vec!["1.0.0", "1.2.0"])]);
        let other = Claims("other", vec![("galera", vec!["1.1.0"])]);
        let error = resolve(vec![claims, other], "galera", "^2").await;
        let ResolveError::NoVersion { found, .. } = error else {
            panic!("{error}")
        };
        assert_eq!(found, "1.2.0 (claims), 1.1.0 (other), 1.0.0 (claims)");
    }

    async fn taken(shelves: Vec<Claims>, requirement: &str) -> (Version, String) {
        let error = resolve(shelves, "galera", requirement).await;
        let ResolveError::Swapped {
            version, origin, ..
        } = error
        else {
            panic!("{error}")
        };
        (version.unwrap(), origin)
    }

    #[tokio::test]
    async fn takes_the_highest_version_and_refuses_bytes_that_are_not_it() {
        let claims = Claims("claims", vec![("galera", vec!["1.0.0", "1.10.0", "1.9.0"])]);
        let found = taken(vec![claims], "^1").await;
        assert_eq!(found, (Version::new(1, 10, 0), "claims".to_owned()));
    }

    #[tokio::test]
    async fn takes_it_from_the_first_shelf_that_will_do() {
        let all = || {
            vec![
                Claims("own", vec![("galera", vec!["1.0.0", "2.0.0-rc.1"])]),
                Claims("other", vec![("galera", vec!["1.5.0", "2.0.0"])]),
            ]
        };
        let own = |version| (Version::parse(version).unwrap(), "own".to_owned());
        let other = |version| (Version::parse(version).unwrap(), "other".to_owned());
        assert_eq!(taken(all(), "^1").await, own("1.0.0"));
        assert_eq!(taken(all(), "^1.5").await, other("1.5.0"));
        // One that is not finished is taken by its name only.
        assert_eq!(taken(all(), "^2").await, other("2.0.0"));
        assert_eq!(taken(all(), "=2.0.0-rc.1").await, own("2.0.0-rc.1"));
    }

    #[tokio::test]
    async fn what_is_yanked_or_denied_is_passed_over_unless_it_is_named() {
        let claims = || Claims("own", vec![("galera", vec!["1.0.0", "1.1.0", "1.99.0"])]);
        let own = |version| (Version::parse(version).unwrap(), "own".to_owned());
        assert_eq!(taken(vec![claims()], "^1").await, own("1.1.0"));
        assert_eq!(taken(vec![claims()], "=1.99.0").await, own("1.99.0"));
        let denial = |versions| Denial {
            versions: VersionReq::parse(versions).unwrap(),
            reason: Some("it loses writes".to_owned()),
        };
        let module: ModuleId = "galera".parse().unwrap();
        let registry = Registry::new(vec![Box::new(claims())])
            .denying([(module.clone(), denial(">=1.1, <2"))].into());
        let resolved = async |requirement| {
            let requirement = VersionReq::parse(requirement).unwrap();
            registry
                .resolve(&module, &requirement, None)
                .await
                .unwrap_err()
        };
        assert!(matches!(
            resolved("^1").await,
            ResolveError::Swapped { version, .. } if version == Some(Version::new(1, 0, 0))
        ));
        // A plan that names what it denies gets nothing.
        let ResolveError::NoVersion { found, .. } = resolved("=1.99.0").await else {
            panic!("it is denied")
        };
        assert_eq!(
            found,
            "1.99.0 (own, yanked, denied: it loses writes), 1.1.0 (own, denied: it loses writes), \
             1.0.0 (own)"
        );
    }
}
