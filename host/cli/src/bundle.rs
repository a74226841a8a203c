//! A plan with all that it needs in one file: a compressed tar archive that begins with a list of what is
//! in it. What is unpacked beside it is an ordinary plan from then on.

use std::collections::BTreeMap;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::{Component, Path, PathBuf};

use anyhow::{Context as _, anyhow, bail, ensure};
use cellhost_manifest::digest;
use flate2::Compression;
use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};

use crate::error::{CommandError, Kind};
use crate::files::directory_of;
use crate::lock;
use crate::session::PlanArgs;

/// The form of such files that this program writes, and the only one it reads.
const FORMAT: u32 = 1;
const INDEX: &str = "cellhost-bundle.json";
const LOCK: &str = "cellhost.lock";
/// Where modules are that no registry vouches for.
pub(crate) const MODULES: &str = "modules";
/// More than any plan with its modules has.
const LARGEST: u64 = 1 << 30;
const COMPRESSED: [u8; 2] = [0x1f, 0x8b];

/// Files by their paths, which have no way out.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// What is in a bundle.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Index {
    /// The form of the bundle.
    cellhost_bundle: u32,
    /// Which of the files is the plan.
    plan: String,
    /// The hash of each.
    files: BTreeMap<String, String>,
}

/// A bundle that was read as a whole.
struct Bundle {
    index: Index,
    files: Files,
}

/// Puts files into one. The same files give the same bytes.
pub(crate) fn pack(plan: &str, files: &Files) -> anyhow::Result<Vec<u8>> {
    let hashes = files.iter();
    let index = Index {
        cellhost_bundle: FORMAT,
        plan: plan.to_owned(),
        files: hashes
            .map(|(name, bytes)| (name.clone(), digest(bytes)))
            .collect(),
    };
    let index = serde_json::to_vec_pretty(&index)?;
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
    let mut add = |name: &str, bytes: &[u8]| {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, name, bytes)
    };
    add(INDEX, &index)?;
    for (name, bytes) in files {
        add(name, bytes)?;
    }
    Ok(archive.into_inner()?.finish()?)
}

/// The same arguments, for what is in a bundle where a bundle is given: it is unpacked beside it, and no
/// registry is asked for anything.
pub(crate) fn settled(given: PlanArgs) -> Result<PlanArgs, CommandError> {
    if !is_one(&given.plan) {
        return Ok(given);
    }
    let path = given.plan;
    let (directory, plan) = unpacked(&path)
        .with_context(|| format!("cannot use the bundle `{}`", path.display()))
        .map_err(|error| CommandError::new(Kind::Usage, error))?;
    let mut sources = given.sources;
    let modules = directory.join(MODULES);
    if modules.is_dir() {
        sources.modules.push(modules);
    }
    sources.offline = true;
    Ok(PlanArgs {
        plan: directory.join(plan),
        sources,
    })
}

/// Whether a file is a bundle, and not a plan.
pub(crate) fn is_one(path: &Path) -> bool {
    let mut begin = [0; COMPRESSED.len()];
    let read = std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut begin));
    read.is_ok() && begin == COMPRESSED
}

/// Unpacks a bundle beside it, unless it is there. Gives the directory, and the name of the plan there.
fn unpacked(path: &Path) -> anyhow::Result<(PathBuf, String)> {
    let bundle = Bundle::read(path)?;
    let directory = path.with_extension("unpacked");
    if directory.symlink_metadata().is_err() {
        bundle.write(&directory, None)?;
    }
    let there = fs_err::read(directory.join(INDEX)).with_context(|| {
        format!(
            "`{}` is there, and was not unpacked from a bundle",
            directory.display()
        )
    })?;
    let there: Index = serde_json::from_slice(&there)?;
    let locked = match fs_err::read_to_string(directory.join(LOCK)) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(error.into()),
    };
    if there == bundle.index {
        bundle.compare(&directory)?;
        bundle.relock(&directory, locked.as_deref())?;
    } else {
        bundle.write(&directory, locked.as_deref())?;
    }
    Ok((directory, bundle.index.plan))
}

impl Bundle {
    fn read(path: &Path) -> anyhow::Result<Self> {
        let file = BufReader::new(fs_err::File::open(path)?);
        let mut archive = tar::Archive::new(GzDecoder::new(file).take(LARGEST));
        let mut index: Option<Index> = None;
        let mut files = Files::new();
        for entry in archive.entries()? {
            let mut entry = entry?;
            let name = String::from_utf8(entry.path_bytes().into_owned())?;
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes)?;
            let Some(index) = &index else {
                ensure!(name == INDEX, "it does not begin with `{INDEX}`");
                index = Some(understood(&bytes)?);
                continue;
            };
            let expected = index.files.get(&name);
            let expected =
                expected.with_context(|| format!("nobody knows of `{}`", name.escape_debug()))?;
            let found = digest(&bytes);
            ensure!(
                *expected == found,
                "`{name}` is damaged: sha256:{expected} was expected and sha256:{found} found"
            );
            files.insert(name, bytes);
        }
        // The archive ends before its compression does, whose last word is a sum over all of it.
        let mut rest = archive.into_inner();
        io::copy(&mut rest, &mut io::sink())?;
        let mut behind = rest.into_inner().into_inner();
        ensure!(
            behind.fill_buf()?.is_empty(),
            "something stands behind its end"
        );
        let index = index.context("there is nothing in it")?;
        if let Some(name) = index.files.keys().find(|name| !files.contains_key(*name)) {
            bail!("`{name}` is missing: it is not whole");
        }
        ensure!(
            files.contains_key(&index.plan),
            "there is no plan in it, which should be `{}`",
            index.plan.escape_debug()
        );
        Ok(Self { index, files })
    }

    /// Puts all of it into the place of what is there, as a whole. Machines keep the numbers that
    /// they have there.
    fn write(&self, directory: &Path, locked: Option<&str>) -> anyhow::Result<()> {
        let place = tempfile::Builder::new()
            .prefix(".bundle-")
            .tempdir_in(directory_of(directory))?;
        let (new, old) = (place.path().join("new"), place.path().join("old"));
        for (name, bytes) in &self.files {
            let path = new.join(name);
            fs_err::create_dir_all(path.parent().unwrap_or(&new))?;
            fs_err::write(path, bytes)?;
        }
        fs_err::write(new.join(INDEX), serde_json::to_vec_pretty(&self.index)?)?;
        self.relock(&new, locked)?;
        if directory.symlink_metadata().is_ok() {
            fs_err::rename(directory, &old)?;
        }
        fs_err::rename(&new, directory)?;
        Ok(())
    }

    /// Writes the lock where it is not what it should be: modules are those of the bundle, and the
    /// numbers of machines are those that they have.
    fn relock(&self, directory: &Path, locked: Option<&str>) -> anyhow::Result<()> {
        let Some(locked) = locked else { return Ok(()) };
        let own = self.files.get(LOCK).map(Vec::as_slice).unwrap_or_default();
        if let Some(text) = lock::carried(locked, std::str::from_utf8(own)?)? {
            fs_err::write(directory.join(LOCK), text)?;
        }
        Ok(())
    }

    /// Refuses files that somebody has changed since.
    fn compare(&self, directory: &Path) -> anyhow::Result<()> {
        for (name, expected) in self.index.files.iter().filter(|(name, _)| *name != LOCK) {
            let path = directory.join(name);
            ensure!(
                digest(&fs_err::read(&path)?) == *expected,
                "`{}` is not what is in the bundle any more",
                path.display()
            );
        }
        Ok(())
    }
}

/// Reads what stands in front of a bundle, and nothing that would be written elsewhere.
fn understood(bytes: &[u8]) -> anyhow::Result<Index> {
    let value: serde_json::Value = serde_json::from_slice(bytes)?;
    let format = value
        .get("cellhost-bundle")
        .and_then(serde_json::Value::as_u64);
    ensure!(
        format == Some(u64::from(FORMAT)),
        "it is of another form than this cellhost reads"
    );
    let index: Index = serde_json::from_value(value)?;
    for name in index.files.keys() {
        let mut parts = Path::new(name).components();
        let is_plain = parts.all(|part| matches!(part, Component::Normal(_)));
        if name.is_empty() || name == INDEX || !is_plain || name.chars().any(char::is_control) {
            return Err(anyhow!("`{}` is no name of a file", name.escape_debug()));
        }
    }
    Ok(index)
}
