//! A directory of modules as a registry that can be read: what its addresses answer.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use cellhost_artifact::{self as artifact, Artifact, MANIFEST};
use cellhost_manifest::extract;
use cellhost_plan::ModuleId;
use semver::Version;
use serde_json::json;

use crate::whole;

const BYTES: &str = "application/octet-stream";

/// The `.wasm` files of a directory, as OCI artifacts under the names that stand inside them.
#[derive(Debug)]
pub struct Offer {
    directory: PathBuf,
    known: Mutex<BTreeMap<PathBuf, Known>>,
}

/// What an address answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// What sort of thing it is.
    pub kind: &'static str,
    /// The hash of it, where it is named by that.
    pub digest: Option<String>,
    /// All of it.
    pub bytes: Vec<u8>,
}

/// Why a directory cannot be offered.
#[derive(Debug, thiserror::Error)]
pub enum OfferError {
    /// It cannot be read, or what is made of it not be written.
    #[error(transparent)]
    Files(#[from] std::io::Error),
    /// Two files say that they are the same.
    #[error("`{}` and `{}` are both {module} {version}", first.display(), second.display())]
    Twice {
        /// One of them.
        first: PathBuf,
        /// The other one.
        second: PathBuf,
        /// What they say they are.
        module: ModuleId,
        /// In which version.
        version: Version,
    },
}

#[derive(Debug, Clone)]
struct Known {
    changed: Option<SystemTime>,
    size: u64,
    /// None where the file is no module.
    item: Option<Arc<Item>>,
}

#[derive(Debug)]
struct Item {
    path: PathBuf,
    module: ModuleId,
    version: Version,
    layer: String,
    artifact: Artifact,
}

impl Offer {
    /// What is in a directory, by now and later.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
            known: Mutex::default(),
        }
    }

    /// What it has, in order.
    pub fn modules(&self) -> Result<Vec<(ModuleId, Version)>, OfferError> {
        let items = self.items()?;
        let named = items
            .iter()
            .map(|item| (item.module.clone(), item.version.clone()));
        Ok(named.collect())
    }

    /// Answers an address such as `/v2/acme/cache/tags/list`; none where there is nothing. `page` is how
    /// many tags are wanted, and the one to go on behind.
    pub fn answer(
        &self,
        address: &str,
        page: (Option<usize>, Option<&str>),
    ) -> Result<Option<Reply>, OfferError> {
        let Some(rest) = address.strip_prefix("/v2/") else {
            return Ok(None);
        };
        if rest.is_empty() {
            return Ok(Some(said(&json!({}))));
        }
        let parts: Vec<&str> = rest.split('/').collect();
        let [namespace, name, what, which] = parts.as_slice() else {
            return Ok(None);
        };
        let Ok(module) = ModuleId::new(namespace, name) else {
            return Ok(None);
        };
        let items = self.items()?;
        let own: Vec<&Item> = of(&items, &module);
        if own.is_empty() {
            return Ok(None);
        }
        Ok(match (*what, *which) {
            ("tags", "list") => Some(tags(&module, &own, page)),
            ("manifests", which) => own.iter().find_map(|item| item.manifest(which)),
            ("blobs", which) => own.iter().find_map(|item| item.blob(which)),
            _ => None,
        })
    }

    /// Writes all answers as files, for a web server that knows nothing but files.
    pub fn write(&self, to: &Path) -> Result<usize, OfferError> {
        let items = self.items()?;
        let modules: BTreeSet<&ModuleId> = items.iter().map(|item| &item.module).collect();
        for module in modules {
            let own = of(&items, module);
            let base = to.join("v2").join(module.namespace()).join(module.name());
            // Whoever reads meanwhile finds all that what is found already names.
            for item in &own {
                let config = artifact::named(&item.artifact.config);
                for which in [&config, &item.layer] {
                    if let Some(reply) = item.blob(which) {
                        write(&base.join("blobs").join(which), &reply)?;
                    }
                }
                let manifest = artifact::named(&item.artifact.manifest);
                for which in [&manifest, &item.version.to_string()] {
                    if let Some(reply) = item.manifest(which) {
                        write(&base.join("manifests").join(which), &reply)?;
                    }
                }
            }
            write(&base.join("tags/list"), &tags(module, &own, (None, None)))?;
        }
        Ok(items.len())
    }

    /// What is there now. Only what has changed is read again.
    fn items(&self) -> Result<Vec<Arc<Item>>, OfferError> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let mut now = BTreeMap::new();
        for entry in fs_err::read_dir(&self.directory)? {
            let path = entry?.path();
            if path.extension().is_none_or(|extension| extension != "wasm") {
                continue;
            }
            let about = fs_err::metadata(&path)?;
            let (changed, size) = (about.modified().ok(), about.len());
            let same = |known: &&Known| known.changed == changed && known.size == size;
            let found = match known.get(&path).filter(same) {
                Some(known) => known.clone(),
                None => Known {
                    changed,
                    size,
                    item: Item::read(&path)?.map(Arc::new),
                },
            };
            now.insert(path, found);
        }
        *known = now;
        let items = known.values().filter_map(|known| known.item.clone());
        let mut items: Vec<Arc<Item>> = items.collect();
        items.sort_by(|a, b| (&a.module, &a.version).cmp(&(&b.module, &b.version)));
        for pair in items.windows(2) {
            let [first, second] = pair else { continue };
            if (&first.module, &first.version) == (&second.module, &second.version) {
                return Err(OfferError::Twice {
                    first: first.path.clone(),
                    second: second.path.clone(),
                    module: first.module.clone(),
                    version: first.version.clone(),
                });
            }
        }
        Ok(items)
    }
}

impl Item {
    fn read(path: &Path) -> Result<Option<Self>, OfferError> {
        let bytes = fs_err::read(path)?;
        let (Ok(embedded), Ok(artifact)) = (extract(&bytes), Artifact::of(&bytes, 0)) else {
            return Ok(None);
        };
        Ok(Some(Self {
            path: path.to_owned(),
            module: embedded.manifest.id().clone(),
            version: embedded.manifest.version,
            layer: artifact::named(&bytes),
            artifact,
        }))
    }

    fn manifest(&self, which: &str) -> Option<Reply> {
        let digest = artifact::named(&self.artifact.manifest);
        (which == self.version.to_string() || which == digest).then(|| Reply {
            kind: MANIFEST,
            digest: Some(digest),
            bytes: self.artifact.manifest.clone(),
        })
    }

    fn blob(&self, which: &str) -> Option<Reply> {
        let bytes = if which == self.layer {
            fs_err::read(&self.path).ok()?
        } else {
            self.artifact.config.clone()
        };
        // The file may be another one by now.
        (artifact::named(&bytes) == which).then(|| Reply {
            kind: BYTES,
            digest: Some(which.to_owned()),
            bytes,
        })
    }
}

/// All versions of a module.
fn of<'a>(items: &'a [Arc<Item>], module: &ModuleId) -> Vec<&'a Item> {
    let items = items.iter().map(AsRef::as_ref);
    items
        .filter(|item: &&Item| item.module == *module)
        .collect()
}

/// Writes a reply where everybody can read it.
fn write(path: &Path, reply: &Reply) -> std::io::Result<()> {
    fs_err::create_dir_all(path.parent().unwrap_or(path))?;
    whole::write(path, &reply.bytes, 0o644)
}

fn tags(module: &ModuleId, own: &[&Item], page: (Option<usize>, Option<&str>)) -> Reply {
    let mut tags: Vec<String> = own.iter().map(|item| item.version.to_string()).collect();
    tags.sort();
    let (count, last) = page;
    let tags: Vec<String> = tags
        .into_iter()
        .filter(|tag| last.is_none_or(|last| tag.as_str() > last))
        .take(count.unwrap_or(usize::MAX))
        .collect();
    let name = format!("{}/{}", module.namespace(), module.name());
    said(&json!({ "name": name, "tags": tags }))
}

fn said(value: &serde_json::Value) -> Reply {
    Reply {
        kind: "application/json",
        digest: None,
        bytes: value.to_string().into_bytes(),
    }
}
