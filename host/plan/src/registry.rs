use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::denial::Denial;
use crate::document::Value;
use crate::module::ModuleId;
use crate::name::check_word;
use crate::problem::Problem;
use crate::trust::Trust;

/// Where modules come from that are not in this program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Registries {
    /// Of those whose namespace is not named, and that this program does not have.
    pub default: Option<ModulePlace>,
    /// Of those of a namespace, and of nobody else's.
    pub namespaces: BTreeMap<String, ModulePlace>,
    /// Whose word counts for modules from registries, by namespace.
    pub trust: BTreeMap<String, Trust>,
    /// Which versions are not taken, wherever they are.
    pub deny: BTreeMap<ModuleId, Denial>,
    /// Which places are asked in the place of which others.
    pub mirrors: BTreeMap<ModulePlace, ModulePlace>,
}

impl Registries {
    /// Reads `[registry]`.
    pub(crate) fn read(value: Option<Value<'_>>) -> Self {
        let Some(mut table) = value.and_then(|value| value.table()) else {
            return Self::default();
        };
        let default = table
            .get("default")
            .and_then(|value| value.parse(ModulePlace::parse));
        let namespaces = table.get("namespaces").and_then(|value| value.table());
        let mut places = BTreeMap::new();
        for (key, value) in namespaces.map(|table| table.entries()).unwrap_or_default() {
            key.parse(|text| check_word("namespace", text));
            if let Some(place) = value.parse(ModulePlace::parse) {
                places.insert(key.as_str().to_owned(), place);
            }
        }
        let mut trusted = BTreeMap::new();
        let trust = table.get("trust").and_then(|value| value.table());
        for (key, value) in trust.map(|table| table.entries()).unwrap_or_default() {
            key.parse(|text| check_word("namespace", text));
            if let Some(trust) = Trust::read(&value) {
                trusted.insert(key.as_str().to_owned(), trust);
            }
        }
        let mut denied = BTreeMap::new();
        let deny = table.get("deny").and_then(|value| value.table());
        for (key, value) in deny.map(|table| table.entries()).unwrap_or_default() {
            let module = key.parse(str::parse::<ModuleId>);
            if let (Some(module), Some(denial)) = (module, Denial::read(&value)) {
                denied.insert(module, denial);
            }
        }
        let mut mirrored = BTreeMap::new();
        let mirrors = table.get("mirrors").and_then(|value| value.table());
        for (key, value) in mirrors.map(|table| table.entries()).unwrap_or_default() {
            let (from, to) = (
                key.parse(ModulePlace::parse),
                value.parse(ModulePlace::parse),
            );
            if let (Some(from), Some(to)) = (from, to) {
                mirrored.insert(from, to);
            }
        }
        table.finish();
        Self {
            default,
            namespaces: places,
            trust: trusted,
            deny: denied,
            mirrors: mirrored,
        }
    }

    /// Which place is asked for what is in this one. Of several rules the one that says most counts.
    pub fn asked(&self, place: &ModulePlace) -> ModulePlace {
        let rules = self.mirrors.iter();
        let fitting = rules.filter_map(|(from, to)| Some((from, to, place.below(from)?)));
        match fitting.max_by_key(|(from, ..)| from.prefix.len()) {
            Some((_, to, rest)) => to.joined(rest),
            None => place.clone(),
        }
    }
}

/// A place in a registry below which modules are: `oci://ghcr.io/acme`, where `acme:cache` is the
/// repository `acme/acme/cache`. `oci+http://` is the same without TLS.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ModulePlace {
    /// Whether it is spoken to by TLS.
    pub is_secure: bool,
    /// The host, with a port where it has one.
    pub host: String,
    /// What stands before the namespace in the names of its repositories; may be empty.
    pub prefix: String,
}

impl ModulePlace {
    /// Reads an address and checks it.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let secure = text.strip_prefix("oci://").map(|rest| (true, rest));
        let plain = text.strip_prefix("oci+http://").map(|rest| (false, rest));
        let Some((is_secure, rest)) = secure.or(plain) else {
            return Err(
                Problem::new(format!("`{text}` is no address of a registry"))
                    .help("write `oci://registry.example.org/modules`"),
            );
        };
        if rest.contains('@') {
            return Err(Problem::new("a plan has no passwords in it")
                .help("log in with `docker login` or `podman login`: what these keep is read"));
        }
        let (host, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        check_host(host)?;
        let prefix = prefix.trim_end_matches('/');
        if !prefix.is_empty() {
            prefix.split('/').try_for_each(check_part)?;
        }
        Ok(Self {
            is_secure,
            host: host.to_owned(),
            prefix: prefix.to_owned(),
        })
    }

    /// The name of a module's repository there.
    pub fn repository(&self, module: &ModuleId) -> String {
        let own = format!("{}/{}", module.namespace(), module.name());
        if self.prefix.is_empty() {
            own
        } else {
            format!("{}/{own}", self.prefix)
        }
    }

    /// The address of a module there, in words.
    pub fn address(&self, module: &ModuleId) -> String {
        let host = &self.host;
        format!("{}{host}/{}", self.scheme(), self.repository(module))
    }

    /// What stands behind another place in this one's address; none where it is not below that.
    fn below(&self, other: &Self) -> Option<&str> {
        if (self.is_secure, &self.host) != (other.is_secure, &other.host) {
            return None;
        }
        if other.prefix.is_empty() {
            return Some(&self.prefix);
        }
        let rest = self.prefix.strip_prefix(&other.prefix)?;
        if rest.is_empty() {
            return Some(rest);
        }
        rest.strip_prefix('/')
    }

    fn joined(&self, rest: &str) -> Self {
        let parts = [self.prefix.as_str(), rest];
        let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        Self {
            prefix: parts.join("/"),
            ..self.clone()
        }
    }

    fn scheme(&self) -> &'static str {
        if self.is_secure {
            "oci://"
        } else {
            "oci+http://"
        }
    }
}

impl fmt::Display for ModulePlace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}{}", self.scheme(), self.host)?;
        if self.prefix.is_empty() {
            return Ok(());
        }
        write!(formatter, "/{}", self.prefix)
    }
}

impl TryFrom<String> for ModulePlace {
    type Error = Problem;

    fn try_from(text: String) -> Result<Self, Problem> {
        Self::parse(&text)
    }
}

impl From<ModulePlace> for String {
    fn from(place: ModulePlace) -> Self {
        place.to_string()
    }
}

/// A name or an address, perhaps in brackets, perhaps with a port.
fn check_host(host: &str) -> Result<(), Problem> {
    let port = host
        .rsplit_once(':')
        .filter(|(_, port)| !port.contains(']'));
    let (name, port) = port.map_or((host, None), |(name, port)| (name, Some(port)));
    let good = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
    let is_named = name.bytes().any(|byte| byte.is_ascii_alphanumeric());
    let is_port = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0));
    if is_named && is_port && name.bytes().all(good) {
        return Ok(());
    }
    Err(Problem::new(format!("`{host}` is no host of a registry"))
        .help("write a name and perhaps a port: `registry.example.org:5000`"))
}

/// What registries take for a part of a repository's name.
fn check_part(part: &str) -> Result<(), Problem> {
    let good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let inner = |byte: u8| good(byte) || b"._-".contains(&byte);
    let ends = [part.bytes().next(), part.bytes().last()];
    if part.bytes().all(inner) && ends.into_iter().all(|end| end.is_some_and(good)) {
        return Ok(());
    }
    Err(
        Problem::new(format!("`{part}` is no part of a repository's name"))
            .help("small letters and digits, with `.`, `_` and `-` between them"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_places_and_writes_them_as_they_were() {
        for (text, repository) in [
            ("oci://ghcr.io/acme/modules", "acme/modules/acme/cache"),
            ("oci://registry.example.org:5000", "acme/cache"),
            ("oci+http://127.0.0.1:5000/x", "x/acme/cache"),
            ("oci://[::1]:5000/x", "x/acme/cache"),
            ("oci://[::1]", "acme/cache"),
        ] {
            let place = ModulePlace::parse(text).unwrap();
            let module = "acme:cache".parse().unwrap();
            assert_eq!(place.repository(&module), repository);
            assert_eq!(place.to_string(), text);
        }
        let place = ModulePlace::parse("oci://ghcr.io/acme/").unwrap();
        assert_eq!(place.to_string(), "oci://ghcr.io/acme");
    }

    #[test]
    fn the_rule_that_says_most_about_a_place_counts() {
        let place = |text| ModulePlace::parse(text).unwrap();
        let mirrors = [
            ("oci://ghcr.io", "oci+http://10.0.0.1:5000/ghcr"),
            ("oci://ghcr.io/acme", "oci://mirror.example.org"),
        ];
        let registries = Registries {
            mirrors: mirrors
                .map(|(from, to)| (place(from), place(to)))
                .into_iter()
                .collect(),
            ..Registries::default()
        };
        for (from, to) in [
            ("oci://ghcr.io/other", "oci+http://10.0.0.1:5000/ghcr/other"),
            ("oci://ghcr.io", "oci+http://10.0.0.1:5000/ghcr"),
            ("oci://ghcr.io/acme", "oci://mirror.example.org"),
            ("oci://ghcr.io/acme/x", "oci://mirror.example.org/x"),
            ("oci://ghcr.io/acmes", "oci+http://10.0.0.1:5000/ghcr/acmes"),
            ("oci+http://ghcr.io/acme", "oci+http://ghcr.io/acme"),
            ("oci://ghcr.io:5000/acme", "oci://ghcr.io:5000/acme"),
        ] {
            assert_eq!(registries.asked(&place(from)), place(to), "{from}");
        }
    }

    #[test]
    fn refuses_what_is_none() {
        for text in [
            "",
            "ghcr.io/acme",
            "https://ghcr.io/acme",
            "oci://",
            "oci:///acme",
            "oci://ann:word@ghcr.io/acme",
            "oci://ghcr.io/Acme",
            "oci://ghcr.io/acme//x",
            "oci://ghcr.io/../x",
            "oci://ghcr.io/x:1.0",
            "oci://ghcr.io:0/x",
            "oci://ghcr.io:70000/x",
            "oci://ghcr io/x",
        ] {
            assert!(ModulePlace::parse(text).is_err(), "{text}");
        }
    }
}
