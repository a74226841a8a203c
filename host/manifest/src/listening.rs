use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use cellhost_plan::Problem;
use serde::{Serialize, Serializer};
use serde_json::Value;

/// Between a port and the setting with the role of those who listen on it.
const OF_ROLE: &str = " of role ";
/// More than any schema has references one behind the other.
const DEPTH: usize = 8;

/// A port that members of a module listen on: `9009`, that of a setting, `/port`, or one so far above
/// it, `/port + 10000`. All of them do, or those with the role that a setting names, `/port of role
/// /leader-role`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListeningPort {
    number: Number,
    /// The setting that names a role, as a JSON pointer.
    role: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Number {
    /// Always the same.
    Fixed(u16),
    /// What a setting says.
    Setting {
        /// The setting, as a JSON pointer.
        pointer: String,
        /// How far above it the port is.
        above: u16,
    },
}

impl ListeningPort {
    /// Gives the port that these settings make it, what a schema says of those left out included.
    /// Nothing where they make it none.
    pub fn port(&self, settings: &Value, schema: Option<&Value>) -> Option<u16> {
        match &self.number {
            Number::Fixed(port) => Some(*port),
            Number::Setting { pointer, above } => {
                let said = said(settings, schema, pointer)?.as_u64()?;
                let port = u16::try_from(said).ok()?.checked_add(*above)?;
                (said > 0).then_some(port)
            }
        }
    }

    /// Tells whether a machine with these roles listens on it.
    pub fn is_of(
        &self,
        roles: &BTreeSet<String>,
        settings: &Value,
        schema: Option<&Value>,
    ) -> bool {
        self.role.as_ref().is_none_or(|pointer| {
            let role = said(settings, schema, pointer).and_then(Value::as_str);
            role.is_some_and(|role| roles.contains(role))
        })
    }

    /// Gives the setting that it comes from, as a JSON pointer; empty for a fixed one.
    pub fn setting(&self) -> &str {
        match &self.number {
            Number::Fixed(_) => "",
            Number::Setting { pointer, .. } => pointer,
        }
    }
}

/// What settings say, or else a schema. Of settings that are together left out, nothing is said but by
/// the schema's word for all of them.
fn said<'a>(settings: &'a Value, schema: Option<&'a Value>, pointer: &str) -> Option<&'a Value> {
    let mut value = settings;
    let mut node = schema;
    for name in pointer.split('/').skip(1) {
        let properties = node.and_then(|node| within(schema?, node)?.get("properties"));
        node = properties.and_then(|properties| properties.get(name));
        let usual = || node?.get("default");
        value = value.as_object()?.get(name).or_else(usual)?;
    }
    Some(value)
}

/// What a schema has in the place of a reference or of something that may be left out.
fn within<'a>(schema: &'a Value, node: &'a Value) -> Option<&'a Value> {
    let mut node = node;
    // A schema is a module's word, so it could go in circles.
    for _ in 0..DEPTH {
        node = if let Some(place) = node.get("$ref").and_then(Value::as_str) {
            schema.pointer(place.strip_prefix('#')?)?
        } else if let Some(choices) = node.get("anyOf").and_then(Value::as_array) {
            let is_one = |choice: &&Value| choice.get("type").is_none_or(|kind| kind != "null");
            choices.iter().find(is_one)?
        } else {
            return Some(node);
        };
    }
    None
}

impl FromStr for ListeningPort {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        let wrong = || {
            let message = format!("`{}` is not a port", text.escape_debug());
            let help = "write `9009`, the place of a setting such as `/port`, or `/port + 10000`; \
                        behind it ` of role /setting` where only machines with a role listen";
            Problem::new(message).help(help)
        };
        let (number, role) = match text.split_once(OF_ROLE) {
            Some((number, role)) => (number, Some(role)),
            None => (text, None),
        };
        if role.is_some_and(|role| !is_pointer(role)) {
            return Err(wrong());
        }
        let role = role.map(str::to_owned);
        if !number.starts_with('/') {
            let port = number.parse().ok().filter(|port| *port > 0);
            let number = port.map(Number::Fixed).ok_or_else(wrong)?;
            return Ok(Self { number, role });
        }
        let (pointer, above) = match number.split_once(" + ") {
            Some((pointer, above)) => (pointer, above.parse().map_err(|_| wrong())?),
            None => (number, 0),
        };
        if !is_pointer(pointer) {
            return Err(wrong());
        }
        let pointer = pointer.to_owned();
        let number = Number::Setting { pointer, above };
        Ok(Self { number, role })
    }
}

/// Of plain names, which is all that settings are called by.
fn is_pointer(text: &str) -> bool {
    let plain = |name: &str| {
        let usual = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        !name.is_empty() && name.bytes().all(usual)
    };
    let names = text.strip_prefix('/');
    names.is_some_and(|names| names.split('/').all(plain))
}

impl fmt::Display for ListeningPort {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.number {
            Number::Fixed(port) => write!(formatter, "{port}")?,
            Number::Setting { pointer, above: 0 } => formatter.write_str(pointer)?,
            Number::Setting { pointer, above } => write!(formatter, "{pointer} + {above}")?,
        }
        match &self.role {
            Some(role) => write!(formatter, "{OF_ROLE}{role}"),
            None => Ok(()),
        }
    }
}

impl Serialize for ListeningPort {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn port(text: &str, settings: &Value) -> Option<u16> {
        let schema = json!({"properties": {
            "port": {"default": 7000},
            "console": {"default": {"port": 9001}},
            "other": {},
        }});
        let port: ListeningPort = text.parse().unwrap();
        assert_eq!(port.to_string(), text);
        port.port(settings, Some(&schema))
    }

    #[test]
    fn is_what_settings_or_else_the_schema_say() {
        assert_eq!(port("9009", &json!({})), Some(9009));
        assert_eq!(port("/port", &json!({})), Some(7000));
        assert_eq!(port("/port", &json!({"port": 6379})), Some(6379));
        assert_eq!(port("/port + 10000", &json!({})), Some(17000));
        assert_eq!(port("/console/port", &json!({})), Some(9001));
        assert_eq!(
            port("/console/port", &json!({"console": {"port": 1}})),
            Some(1)
        );
    }

    #[test]
    fn is_none_where_a_setting_makes_it_none() {
        assert_eq!(port("/other", &json!({})), None);
        assert_eq!(port("/port", &json!({"port": null})), None);
        assert_eq!(port("/port", &json!({"port": 0})), None);
        assert_eq!(port("/port + 10000", &json!({"port": 60000})), None);
    }

    #[test]
    fn is_of_those_with_the_role_that_a_setting_names() {
        let schema = json!({"properties": {"leader-role": {"default": "leader"}}});
        let port: ListeningPort = "/port of role /leader-role".parse().unwrap();
        assert_eq!(port.to_string(), "/port of role /leader-role");
        assert_eq!(port.port(&json!({"port": 1}), Some(&schema)), Some(1));
        let is_of = |role: &str, settings: &Value| {
            port.is_of(&BTreeSet::from([role.to_owned()]), settings, Some(&schema))
        };
        assert!(is_of("leader", &json!({})));
        assert!(!is_of("other", &json!({})));
        assert!(is_of("other", &json!({"leader-role": "other"})));
        let all: ListeningPort = "5050".parse().unwrap();
        assert!(all.is_of(&BTreeSet::new(), &json!({}), None));
    }

    #[test]
    fn what_is_usual_within_settings_counts_once_they_are_there() {
        let schema = json!({
            "properties": {"page": {"anyOf": [{"$ref": "#/$defs/Page"}, {"type": "null"}]}},
            "$defs": {"Page": {"properties": {"port": {"default": 9001}}}},
        });
        let port: ListeningPort = "/page/port".parse().unwrap();
        let of = |settings: &Value| port.port(settings, Some(&schema));
        assert_eq!(of(&json!({"page": {}})), Some(9001));
        assert_eq!(of(&json!({"page": {"port": 1}})), Some(1));
        assert_eq!(of(&json!({})), None);
        assert_eq!(of(&json!({"page": null})), None);
        let circle = json!({
            "properties": {"page": {"$ref": "#/$defs/Page"}},
            "$defs": {"Page": {"$ref": "#/$defs/Page"}},
        });
        assert_eq!(port.port(&json!({"page": {}}), Some(&circle)), None);
    }

    #[test]
    fn refuses_what_is_no_port() {
        for text in [
            "",
            "0",
            "65536",
            "port",
            "/",
            "//a",
            "/a +1",
            "/a + x",
            "/a b",
            "/a of role b",
            "/a of role ",
            "/a of role /b of role /c",
        ] {
            assert!(text.parse::<ListeningPort>().is_err(), "{text}");
        }
    }
}
