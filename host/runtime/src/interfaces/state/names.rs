//! Names that reach other programs' arguments.

use std::collections::BTreeSet;

use cellhost_transport::resources::service::SUPERVISED;
use cellhost_transport::resources::software;

use super::wit;

/// Names that reach other programs' arguments must be names, never options or paths.
fn plain(name: String, allowed: &str, what: &str) -> Result<String, String> {
    let first_fine = name
        .chars()
        .next()
        .is_some_and(|c| c.is_ascii_alphanumeric() || c == '_');
    let rest_fine = name
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || allowed.contains(c));
    if first_fine && rest_fine && name.len() <= 200 {
        Ok(name)
    } else {
        Err(format!("`{}` is no name of a {what}", name.escape_debug()))
    }
}

pub(super) fn sha256(text: &str) -> Result<String, String> {
    let fine = text.len() == 64 && text.chars().all(|c| c.is_ascii_hexdigit());
    if fine {
        Ok(text.to_ascii_lowercase())
    } else {
        Err(format!("`{}` is no SHA-256", text.escape_debug()))
    }
}

pub(super) fn account(name: String) -> Result<String, String> {
    plain(name, "_-.", "user or group")
}

pub(super) fn service(name: String) -> Result<String, String> {
    let program = name.strip_prefix(SUPERVISED).unwrap_or(&name);
    plain(program.to_owned(), "_-.@:\\", "service")?;
    Ok(name)
}

/// Takes names apart from the versions that some of them are asked for in.
pub(super) fn packages(wish: wit::Software) -> Result<software::Software, String> {
    let mut software = software::Software {
        start: wish.start,
        ..software::Software::default()
    };
    for wanted in wish.names {
        let (name, version) = match wanted.split_once('=') {
            Some((name, version)) => (name.to_owned(), Some(version.to_owned())),
            None => (wanted, None),
        };
        let name = plain(name, "_-.+:", "package")?;
        if let Some(version) = version {
            let version = plain(version, "-.+:~^", "version")?;
            software.versions.insert(name.clone(), version);
        }
        software.names.insert(name);
    }
    Ok(software)
}

pub(super) fn all(names: Vec<String>) -> Result<BTreeSet<String>, String> {
    names
        .into_iter()
        .map(|name| plain(name, "_-.+:", "package"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_versions_from_names_of_packages() {
        let names = ["redis=5:7.0-1~deb12u1", "jq"].map(str::to_owned).into();
        let software = packages(wit::Software {
            names,
            start: false,
        })
        .unwrap();
        let bare: Vec<&str> = software.names.iter().map(String::as_str).collect();
        assert_eq!(bare, ["jq", "redis"]);
        assert_eq!(software.versions["redis"], "5:7.0-1~deb12u1");
        for wrong in [
            "redis=",
            "redis=1.*",
            "redis=-1",
            "=1",
            "redis=1=2",
            "jq-=1 2",
        ] {
            let names = vec![wrong.to_owned()];
            assert!(
                packages(wit::Software {
                    names,
                    start: false
                })
                .is_err(),
                "{wrong}"
            );
        }
    }

    #[test]
    fn a_program_of_supervisord_is_a_service_by_its_name() {
        for good in ["redis@7000", "supervisor:app", "supervisor:group:app_00"] {
            assert_eq!(service(good.to_owned()).as_deref(), Ok(good));
        }
        for wrong in ["supervisor:", "supervisor:-x", "supervisor:a b", "a/b"] {
            assert!(service(wrong.to_owned()).is_err(), "{wrong}");
        }
    }
}
