//! What a component needs, compared with what this host offers.

use cellhost_manifest::Manifest;
use semver::Version;
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::LoadError;

/// The packages that this host offers, each at its newest version.
///
/// WASI is offered empty: no files, no sockets, no environment. Clocks and random numbers come
/// from the host.
pub const OFFERS: &[(&str, &str)] = &[
    ("cellhost:machine", "0.1.0"),
    ("cellhost:cell", "0.1.0"),
    ("cellhost:state", "0.1.0"),
    ("cellhost:exec", "0.1.0"),
    ("cellhost:files", "0.1.0"),
    ("cellhost:facts", "0.1.0"),
    ("cellhost:net", "0.1.0"),
    ("cellhost:template", "0.1.0"),
    ("cellhost:log", "0.1.0"),
    ("wasi:io", "0.2.12"),
    ("wasi:clocks", "0.2.12"),
    ("wasi:random", "0.2.12"),
    ("wasi:cli", "0.2.12"),
    ("wasi:filesystem", "0.2.12"),
    ("wasi:sockets", "0.2.12"),
];

/// One interface that a component imports.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Import {
    /// The package, such as `cellhost:files`.
    pub package: String,
    /// The interface, such as `files`.
    pub interface: String,
    /// The version, where it has one.
    pub version: Option<Version>,
}

impl Import {
    /// Reads a name such as `cellhost:files/files@0.1.0`.
    pub fn parse(name: &str) -> Self {
        let (path, version) = name.split_once('@').unwrap_or((name, ""));
        let (package, interface) = path.split_once('/').unwrap_or((path, ""));
        Self {
            package: package.to_owned(),
            interface: interface.to_owned(),
            version: Version::parse(version).ok(),
        }
    }

    fn offered(&self) -> Option<Version> {
        OFFERS
            .iter()
            .find(|(package, _)| *package == self.package)
            .and_then(|(_, version)| Version::parse(version).ok())
    }
}

impl std::fmt::Display for Import {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}/{}", self.package, self.interface)?;
        self.version
            .as_ref()
            .map_or(Ok(()), |version| write!(formatter, "@{version}"))
    }
}

/// Lists what a component imports, sorted.
pub(crate) fn imports(component: &Component, engine: &Engine) -> Vec<Import> {
    let kind = component.component_type();
    let mut imports: Vec<Import> = kind
        .imports(engine)
        .map(|(name, _)| Import::parse(name))
        .collect();
    imports.sort();
    imports
}

/// Fails on the first import that this host does not offer.
pub(crate) fn check(imports: &[Import], manifest: &Manifest) -> Result<(), LoadError> {
    for import in imports {
        let offered = import.offered();
        let fits = match (&import.version, &offered) {
            (Some(wanted), Some(offered)) => track(wanted) == track(offered),
            _ => false,
        };
        if fits {
            continue;
        }
        let version = import
            .version
            .as_ref()
            .map_or_else(String::new, |version| format!("@{}", short(version)));
        return Err(LoadError::Missing {
            module: manifest.name.clone(),
            version: manifest.version.clone(),
            needs: format!("{}{version}", import.package),
            offers: offered
                .as_ref()
                .map_or_else(|| "nothing of that name".to_owned(), short),
            hint: hint(import, offered.as_ref()),
        });
    }
    Ok(())
}

fn hint(import: &Import, offered: Option<&Version>) -> String {
    match (&import.version, offered) {
        (Some(wanted), Some(offered)) if wanted > offered => {
            "use a newer cellhost, or an older version of the module".to_owned()
        }
        (Some(_), Some(_)) => "use a newer version of the module, or an older cellhost".to_owned(),
        (None, Some(offered)) => {
            format!("the module has to name a version, such as `@{offered}`")
        }
        _ => {
            let names: Vec<&str> = OFFERS.iter().map(|(package, _)| *package).collect();
            format!("modules can import {}", names.join(", "))
        }
    }
}

/// The semver track: what a version is compatible with.
fn track(version: &Version) -> (u64, u64, u64) {
    match (version.major, version.minor) {
        (0, 0) => (0, 0, version.patch),
        (0, minor) => (0, minor, 0),
        (major, _) => (major, 0, 0),
    }
}

/// A version as far as its track.
fn short(version: &Version) -> String {
    if version.major == 0 {
        format!("{}.{}", version.major, version.minor)
    } else {
        version.major.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_names_with_and_without_versions() {
        let import = Import::parse("cellhost:files/files@0.2.0");
        assert_eq!(import.package, "cellhost:files");
        assert_eq!(import.version, Some(Version::new(0, 2, 0)));
        assert_eq!(Import::parse("thing").version, None);
    }

    #[test]
    fn keeps_tracks_apart() {
        let version = |text: &str| track(&Version::parse(text).unwrap());
        assert_eq!(version("0.1.0"), version("0.1.9"));
        assert_ne!(version("0.1.0"), version("0.2.0"));
        assert_ne!(version("0.0.1"), version("0.0.2"));
        assert_eq!(version("1.2.0"), version("1.9.0"));
    }

    fn refusal(name: &str) -> LoadError {
        let text = "name = \"galera\"\nversion = \"1.4.0\"\n";
        let manifest = Manifest::parse("module.toml", text).unwrap();
        check(&[Import::parse(name)], &manifest).unwrap_err()
    }

    #[test]
    fn says_what_is_needed_what_is_offered_and_what_to_do() {
        let error = refusal("cellhost:files/files@0.2.0");
        assert_eq!(
            error.to_string(),
            "module `galera` 1.4.0 needs `cellhost:files@0.2`; this host offers 0.1"
        );
        let hint = "use a newer cellhost, or an older version of the module";
        assert_eq!(error.hint(), Some(hint));
    }

    #[test]
    fn says_that_there_is_no_such_package() {
        let error = refusal("acme:thing/thing@1.0.0");
        assert_eq!(
            error.to_string(),
            "module `galera` 1.4.0 needs `acme:thing@1`; this host offers nothing of that name"
        );
        assert!(error.hint().unwrap().contains("cellhost:files"));
    }

    #[test]
    fn wants_imports_to_name_a_version() {
        let hint = "the module has to name a version, such as `@0.1.0`";
        assert_eq!(refusal("cellhost:log/log").hint(), Some(hint));
    }
}
