use std::fmt;
use std::str::FromStr;

use cellhost_plan::Problem;
use serde::{Serialize, Serializer};
use serde_json::Value;

/// A port that every member of a module listens on: `9009`, that of a setting, `/port`, or one so
/// far above it, `/port + 10000`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ListeningPort {
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
        match self {
            Self::Fixed(port) => Some(*port),
            Self::Setting { pointer, above } => {
                let said = settings.pointer(pointer);
                let said = said.or_else(|| usual(schema?, pointer))?.as_u64()?;
                let port = u16::try_from(said).ok()?.checked_add(*above)?;
                (said > 0).then_some(port)
            }
        }
    }

    /// Gives the setting that it comes from, as a JSON pointer; empty for a fixed one.
    pub fn setting(&self) -> &str {
        match self {
            Self::Fixed(_) => "",
            Self::Setting { pointer, .. } => pointer,
        }
    }
}

/// What a schema says of a setting that is left out.
fn usual<'a>(schema: &'a Value, pointer: &str) -> Option<&'a Value> {
    let names = pointer.strip_prefix('/')?;
    let (first, rest) = names.split_once('/').unwrap_or((names, ""));
    let usual = schema.pointer(&format!("/properties/{first}/default"))?;
    if rest.is_empty() {
        return Some(usual);
    }
    usual.pointer(&format!("/{rest}"))
}

impl FromStr for ListeningPort {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        let wrong = || {
            let message = format!("`{}` is not a port", text.escape_debug());
            let help = "write `9009`, the place of a setting such as `/port`, or `/port + 10000`";
            Problem::new(message).help(help)
        };
        if !text.starts_with('/') {
            let port = text.parse().ok().filter(|port| *port > 0);
            return port.map(Self::Fixed).ok_or_else(wrong);
        }
        let (pointer, above) = match text.split_once(" + ") {
            Some((pointer, above)) => (pointer, above.parse().map_err(|_| wrong())?),
            None => (text, 0),
        };
        let plain = |name: &str| {
            let usual = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
            !name.is_empty() && name.bytes().all(usual)
        };
        if !pointer.split('/').skip(1).all(plain) {
            return Err(wrong());
        }
        Ok(Self::Setting {
            pointer: pointer.to_owned(),
            above,
        })
    }
}

impl fmt::Display for ListeningPort {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(port) => write!(formatter, "{port}"),
            Self::Setting { pointer, above: 0 } => formatter.write_str(pointer),
            Self::Setting { pointer, above } => write!(formatter, "{pointer} + {above}"),
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
    fn refuses_what_is_no_port() {
        for text in [
            "", "0", "65536", "port", "/", "//a", "/a +1", "/a + x", "/a b",
        ] {
            assert!(text.parse::<ListeningPort>().is_err(), "{text}");
        }
    }
}
