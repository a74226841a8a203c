//! Whose word counts: what a plan says of it, held against signatures.

use std::collections::BTreeMap;

use cellhost_artifact::{PublicKey, Signature};
use cellhost_plan::{ModuleId, Need};

/// What counts for the modules of which namespace.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    rules: BTreeMap<String, Rule>,
}

/// What counts for the modules of a namespace.
#[derive(Debug, Clone)]
pub enum Rule {
    /// Whatever a registry gives.
    Unsigned,
    /// What those with these keys vouch for.
    Signed {
        /// The keys.
        keys: Vec<TrustedKey>,
        /// Whether one of them is enough.
        need: Need,
    },
}

/// A key that is trusted.
#[derive(Debug, Clone)]
pub struct TrustedKey {
    /// What it is called, such as the file that it is in.
    pub name: String,
    /// The key.
    pub key: PublicKey,
    /// The last day on which it counts, as `2027-12-31`.
    pub until: Option<String>,
}

/// Why a module is not trusted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// The plan says nothing about its namespace.
    #[error(
        "`{module}` comes from a registry, and the plan does not say whom to trust for `{namespace}`"
    )]
    Unsaid {
        /// The module.
        module: ModuleId,
        /// Its namespace.
        namespace: String,
    },
    /// Nobody has signed it.
    #[error("nobody has signed `{module}` ({manifest})")]
    Missing {
        /// The module.
        module: ModuleId,
        /// The hash of its manifest.
        manifest: String,
    },
    /// All signatures that are there are about something else.
    #[error(
        "what is signed is not this `{module}`: {manifest} was expected, and {found} is signed"
    )]
    Elsewhere {
        /// The module.
        module: ModuleId,
        /// The hash of its manifest.
        manifest: String,
        /// What is signed.
        found: String,
    },
    /// Those who have signed it are nobody that the plan knows.
    #[error("`{module}` is signed, and by none of the keys that the plan trusts: {}", keys.join(", "))]
    Unknown {
        /// The module.
        module: ModuleId,
        /// The keys.
        keys: Vec<String>,
    },
    /// Who has signed it is trusted no more.
    #[error("`{module}` is signed by `{key}`, which is trusted until {until} and no longer")]
    Expired {
        /// The module.
        module: ModuleId,
        /// The key.
        key: String,
        /// The last day.
        until: String,
    },
    /// Not all have signed it who have to.
    #[error("`{module}` is not signed by {}, and the plan wants each of its keys", keys.join(", "))]
    Lacking {
        /// The module.
        module: ModuleId,
        /// Those who have not.
        keys: Vec<String>,
    },
}

impl TrustError {
    /// What may help.
    pub fn hint(&self) -> String {
        match self {
            Self::Unsaid { namespace, .. } => format!(
                "name the keys of those who publish it, `[registry.trust]` with `{namespace} = {{ keys \
                 = [\"{namespace}.pub\"] }}`, or trust whatever comes: `{namespace} = \"unsigned\"`"
            ),
            Self::Missing { .. } | Self::Lacking { .. } => {
                "whoever publishes it signs it with `cellhost module publish --key FILE`, also \
                 afterwards"
                    .to_owned()
            }
            Self::Elsewhere { .. } => {
                "it was not run. Somebody put signatures of another module there; ask whoever keeps \
                 that registry"
                    .to_owned()
            }
            Self::Unknown { .. } => {
                "it was not run. Where a key was replaced, get the new one from its owner, not from \
                 the registry, and name it in the plan"
                    .to_owned()
            }
            Self::Expired { .. } => {
                "ask its owner for a newer key, or set a later day in the plan".to_owned()
            }
        }
    }
}

impl Trust {
    /// What a plan says.
    pub fn new(rules: BTreeMap<String, Rule>) -> Self {
        Self { rules }
    }

    /// Whether it could be of use to know signatures of this module.
    pub(crate) fn wants_signatures(&self, module: &ModuleId) -> bool {
        matches!(
            self.rules.get(module.namespace()),
            Some(Rule::Signed { .. })
        )
    }

    /// Judges a module by the signatures that were found. `today` is a day like `2027-12-31`.
    pub fn judge(
        &self,
        module: &ModuleId,
        manifest: &str,
        signatures: &[Signature],
        today: &str,
    ) -> Result<(), TrustError> {
        let module = module.clone();
        let (keys, need) = match self.rules.get(module.namespace()) {
            Some(Rule::Unsigned) => return Ok(()),
            Some(Rule::Signed { keys, need }) => (keys, *need),
            None => {
                let namespace = module.namespace().to_owned();
                return Err(TrustError::Unsaid { module, namespace });
            }
        };
        let of_this = |signature: &&Signature| signature.about().as_deref() == Some(manifest);
        let own: Vec<&Signature> = signatures.iter().filter(of_this).collect();
        if own.is_empty() {
            let manifest = manifest.to_owned();
            return Err(match signatures.iter().find_map(Signature::about) {
                Some(found) => TrustError::Elsewhere {
                    module,
                    manifest,
                    found,
                },
                None => TrustError::Missing { module, manifest },
            });
        }
        let has_signed = |key: &&TrustedKey| own.iter().any(|signature| key.key.made(signature));
        let is_over = |key: &&TrustedKey| key.until.as_deref().is_some_and(|until| today > until);
        let mut signed: Vec<&TrustedKey> = keys.iter().filter(has_signed).collect();
        let expired: Option<&TrustedKey> = signed.iter().copied().find(is_over);
        signed.retain(|key| !is_over(key));
        let is_enough = match need {
            Need::Any => !signed.is_empty(),
            Need::All => signed.len() == keys.len(),
        };
        if is_enough {
            return Ok(());
        }
        let named =
            |keys: Vec<&TrustedKey>| keys.iter().map(|key| format!("`{}`", key.name)).collect();
        if let Some(key) = expired {
            return Err(TrustError::Expired {
                module,
                key: key.name.clone(),
                until: key.until.clone().unwrap_or_default(),
            });
        }
        if signed.is_empty() {
            let keys = named(keys.iter().collect());
            return Err(TrustError::Unknown { module, keys });
        }
        let missing = keys.iter().filter(|key| !has_signed(key)).collect();
        Err(TrustError::Lacking {
            module,
            keys: named(missing),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cellhost_artifact::{SecretKey, named};

    fn trusted(name: &str, key: &SecretKey, until: Option<&str>) -> TrustedKey {
        TrustedKey {
            name: name.to_owned(),
            key: key.public(),
            until: until.map(str::to_owned),
        }
    }

    fn judged(
        keys: Vec<TrustedKey>,
        need: Need,
        by: &[&SecretKey],
        of: &str,
    ) -> Result<(), String> {
        let rule = Rule::Signed { keys, need };
        let trust = Trust::new([("acme".to_owned(), rule)].into());
        let signatures: Vec<Signature> = by.iter().map(|key| key.sign("r/acme", of)).collect();
        let module = "acme:cache".parse().unwrap();
        let judged = trust.judge(&module, &named(b"this"), &signatures, "2026-11-22");
        judged.map_err(|error| error.to_string())
    }

    #[test]
    fn one_key_is_enough_or_all_are_needed() {
        let (ann, bob, eve) = (
            SecretKey::generate(),
            SecretKey::generate(),
            SecretKey::generate(),
        );
        let both = || {
            vec![
                trusted("ann.pub", &ann, None),
                trusted("bob.pub", &bob, None),
            ]
        };
        let this = named(b"this");
        assert_eq!(judged(both(), Need::Any, &[&eve, &bob], &this), Ok(()));
        assert_eq!(judged(both(), Need::All, &[&ann, &bob], &this), Ok(()));
        assert_eq!(
            judged(both(), Need::All, &[&ann, &eve], &this).unwrap_err(),
            "`acme:cache` is not signed by `bob.pub`, and the plan wants each of its keys"
        );
        assert_eq!(
            judged(both(), Need::Any, &[&eve], &this).unwrap_err(),
            "`acme:cache` is signed, and by none of the keys that the plan trusts: `ann.pub`, `bob.pub`"
        );
    }

    #[test]
    fn a_key_counts_until_its_last_day() {
        let ann = SecretKey::generate();
        let judged = |until| {
            let keys = vec![trusted("ann.pub", &ann, Some(until))];
            judged(keys, Need::Any, &[&ann], &named(b"this"))
        };
        assert_eq!(judged("2026-11-22"), Ok(()));
        assert_eq!(
            judged("2026-11-21").unwrap_err(),
            "`acme:cache` is signed by `ann.pub`, which is trusted until 2026-11-21 and no longer"
        );
    }

    #[test]
    fn a_signature_is_for_what_it_is_about() {
        let ann = SecretKey::generate();
        let keys = || vec![trusted("ann.pub", &ann, None)];
        let told = judged(keys(), Need::Any, &[&ann], &named(b"that")).unwrap_err();
        assert!(
            told.contains(&named(b"that")) && told.contains(&named(b"this")),
            "{told}"
        );
        let told = judged(keys(), Need::Any, &[], &named(b"this")).unwrap_err();
        assert!(told.starts_with("nobody has signed `acme:cache`"), "{told}");
    }

    #[test]
    fn nothing_is_trusted_unsaid() {
        let module: ModuleId = "acme:cache".parse().unwrap();
        let judged = Trust::default().judge(&module, &named(b"this"), &[], "2026-11-22");
        assert!(matches!(judged, Err(TrustError::Unsaid { .. })));
        let trust = Trust::new([("acme".to_owned(), Rule::Unsigned)].into());
        assert_eq!(
            trust.judge(&module, &named(b"this"), &[], "2026-11-22"),
            Ok(())
        );
    }
}
