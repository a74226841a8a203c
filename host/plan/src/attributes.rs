use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::document::{Table, Text, Value};
use crate::name::check_label;
use crate::problem::Problem;
use crate::settings::Settings;
use crate::source::Span;

/// What both a machine and a group can say about machines, each with its place.
#[derive(Debug, Default)]
pub(crate) struct Attributes {
    pub(crate) roles: Vec<String>,
    pub(crate) zone: Option<(String, Span)>,
    pub(crate) tags: BTreeMap<String, (String, Span)>,
    pub(crate) variables: BTreeMap<String, (Json, Span)>,
}

impl Attributes {
    pub(crate) fn read(table: &mut Table<'_>) -> Self {
        let roles = table
            .get("roles")
            .and_then(|value| value.texts())
            .unwrap_or_default();
        let zone = table.get("zone").and_then(|value| {
            let text = value.text()?;
            Some((label("zone", &text)?, text.span()))
        });
        let tags = table.get("tags").and_then(|value| value.table());
        let variables = table.get("variables").and_then(|value| value.table());
        Self {
            roles: roles
                .iter()
                .filter_map(|role| label("role", role))
                .collect(),
            zone,
            tags: tags
                .iter()
                .flat_map(Table::entries)
                .filter_map(tag)
                .collect(),
            variables: variables
                .iter()
                .flat_map(Table::entries)
                .map(variable)
                .collect(),
        }
    }
}

fn label(kind: &str, text: &Text<'_>) -> Option<String> {
    text.parse(|text| check_label(kind, text).map(|()| text.to_owned()))
}

fn tag((key, value): (Text<'_>, Value<'_>)) -> Option<(String, (String, Span))> {
    let span = value.span();
    let value = value.parse(|text| {
        if text.is_empty() || text.contains(|c: char| c.is_control() || c == '&') {
            let message = format!("`{}` is not a value for a tag", text.escape_debug());
            return Err(Problem::new(message).help("any text without control characters and `&`"));
        }
        Ok(text.to_owned())
    });
    Some((label("tag", &key)?, (value?, span)))
}

fn variable((key, value): (Text<'_>, Value<'_>)) -> (String, (Json, Span)) {
    let settings = Settings::read(&value);
    for secret in &settings.secrets {
        let help = "every module on a machine reads its variables; name the secret in the settings of the module that needs it";
        secret.reject(Problem::new("a variable cannot hold a secret").help(help));
    }
    (key.as_str().to_owned(), (settings.json, key.span()))
}
