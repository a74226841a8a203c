use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use cellhost_manifest::Manifest;
use serde_json::Value;

use crate::PackError;

const MANIFEST: &str = "module.toml";
const SCHEMA: &str = "settings.schema.json";
const TEMPLATES: &str = "templates";

/// What a module's folder holds beside its code.
#[derive(Clone, Debug)]
pub struct Folder {
    /// What `module.toml` says.
    pub manifest: Manifest,
    /// What `settings.schema.json` says, where there is one.
    pub schema: Option<Value>,
    /// What lies in `templates/`, by its path from there.
    pub templates: BTreeMap<String, String>,
}

impl Folder {
    /// Reads a module's folder.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, PackError> {
        let path = path.as_ref();
        let manifest = Manifest::load(path.join(MANIFEST))?;
        let mut templates = BTreeMap::new();
        let folder = path.join(TEMPLATES);
        if folder.is_dir() {
            gather(&folder, "", &mut templates)?;
        }
        Ok(Self {
            manifest,
            schema: schema(&path.join(SCHEMA))?,
            templates,
        })
    }
}

fn schema(path: &Path) -> Result<Option<Value>, PackError> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(unreadable(path, source)),
    };
    let schema = serde_json::from_str(&text).map_err(|source| PackError::Schema {
        origin: path.display().to_string(),
        source,
    })?;
    Ok(Some(schema))
}

fn gather(
    folder: &Path,
    prefix: &str,
    templates: &mut BTreeMap<String, String>,
) -> Result<(), PackError> {
    let entries = fs::read_dir(folder).map_err(|source| unreadable(folder, source))?;
    for entry in entries {
        let entry = entry.map_err(|source| unreadable(folder, source))?;
        let path = entry.path();
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if path.is_dir() {
            gather(&path, &format!("{name}/"), templates)?;
        } else {
            let text = fs::read_to_string(&path).map_err(|source| unreadable(&path, source))?;
            templates.insert(name, text);
        }
    }
    Ok(())
}

fn unreadable(path: &Path, source: io::Error) -> PackError {
    PackError::Unreadable {
        path: PathBuf::from(path),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_templates_by_their_path_from_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        fs::create_dir_all(folder.path().join("templates/etc")).unwrap();
        write(MANIFEST, "name = \"x\"\nversion = \"0.1.0\"\n");
        write(SCHEMA, "{\"type\": \"object\"}");
        write("templates/motd", "hello");
        write("templates/etc/x.conf", "port 1");
        let read = Folder::load(folder.path()).unwrap();
        let names: Vec<_> = read.templates.keys().collect();
        assert_eq!(names, ["etc/x.conf", "motd"]);
        assert!(read.schema.is_some());
    }

    #[test]
    fn names_the_schema_that_is_no_json() {
        let folder = tempfile::tempdir().unwrap();
        let manifest = "name = \"x\"\nversion = \"0.1.0\"\n";
        fs::write(folder.path().join(MANIFEST), manifest).unwrap();
        fs::write(folder.path().join(SCHEMA), "{").unwrap();
        let error = Folder::load(folder.path()).unwrap_err();
        assert!(error.to_string().contains(SCHEMA), "{error}");
    }
}
