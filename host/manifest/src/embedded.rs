use std::collections::BTreeMap;

use cellhost_plan::document::{Kind, Node, Report, Table, Value};
use cellhost_plan::{Problem, Source};
use serde::Serialize;
use serde_json::Value as Json;

use crate::error::ExtractError;
use crate::manifest::Manifest;
use crate::template::{LARGEST_TEMPLATE, MOST_TEMPLATES, check_template_name};

/// The version of the format that this crate writes, and the only one it reads.
pub const FORMAT: u32 = 1;

/// What travels inside a module's `.wasm`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Embedded {
    /// The version of this format, [`FORMAT`].
    pub format: u32,
    /// What the module says of itself.
    pub manifest: Manifest,
    /// The JSON schema of its settings.
    pub schema: Option<Json>,
    /// Its templates, by name.
    pub templates: BTreeMap<String, String>,
}

impl Embedded {
    /// Puts the parts together in the current format.
    pub fn new(
        manifest: Manifest,
        schema: Option<Json>,
        templates: BTreeMap<String, String>,
    ) -> Self {
        Self {
            format: FORMAT,
            manifest,
            schema,
            templates,
        }
    }

    /// Reads it from JSON, checking the manifest exactly as one that comes from a file.
    pub(crate) fn from_json(bytes: &[u8]) -> Result<Self, ExtractError> {
        let json: Json =
            serde_json::from_slice(bytes).map_err(|source| ExtractError::BadJson { source })?;
        check_format(&json)?;
        let report = Report::new(Source::new("cellhost:module", ""));
        let document = Node::from_json(&json);
        let schema = json
            .get("schema")
            .filter(|schema| !schema.is_null())
            .cloned();
        let embedded = Table::root(&document, &report).and_then(|root| Self::read(root, schema));
        match embedded {
            Some(embedded) if !report.has_errors() => Ok(embedded),
            _ => Err(ExtractError::invalid(&report.finish())),
        }
    }

    fn read(mut root: Table<'_>, schema: Option<Json>) -> Option<Self> {
        root.get("format");
        let manifest = root
            .require("manifest", "{}")
            .and_then(|value| value.table());
        let manifest = manifest.and_then(Manifest::read);
        if let Some(value) = root.get("schema")
            && !matches!(
                value.node().kind,
                Kind::Table(_) | Kind::Boolean(_) | Kind::Null
            )
        {
            value.wrong_type("a JSON schema");
        }
        let templates = root.get("templates").map(|value| read_templates(&value));
        root.finish();
        Some(Self::new(manifest?, schema, templates.unwrap_or_default()))
    }
}

/// Looks at the format first: in another one, everything else may mean something else.
fn check_format(json: &Json) -> Result<(), ExtractError> {
    let found = json.get("format").and_then(Json::as_u64);
    match found {
        Some(format) if format == u64::from(FORMAT) => Ok(()),
        Some(format) => Err(ExtractError::UnknownFormat { format }),
        None => Err(ExtractError::Invalid {
            problems: vec!["`format` is missing or not a number".to_owned()],
        }),
    }
}

fn read_templates(value: &Value<'_>) -> BTreeMap<String, String> {
    let entries = value
        .table()
        .map(|table| table.entries())
        .unwrap_or_default();
    if entries.len() > MOST_TEMPLATES {
        let message = format!("there are more than {MOST_TEMPLATES} templates");
        value.reject(Problem::new(message));
        return BTreeMap::new();
    }
    let mut templates = BTreeMap::new();
    for (key, value) in entries {
        key.parse(check_template_name);
        let Some(text) = value.text() else { continue };
        if text.as_str().len() > LARGEST_TEMPLATE {
            let message = format!("the template is larger than {LARGEST_TEMPLATE} bytes");
            text.reject(Problem::new(message));
        }
        templates.insert(key.as_str().to_owned(), text.as_str().to_owned());
    }
    templates
}
