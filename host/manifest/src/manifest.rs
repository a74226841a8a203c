use std::collections::BTreeMap;
use std::path::Path;

use cellhost_plan::document::{Kind, Node, Report, Table, Value};
use cellhost_plan::{
    Asks, DEFAULT_NAMESPACE, Diagnostics, LoadError, ModuleId, Phase, Problem, RollingKeys, Source,
    check_word, line,
};
use semver::Version;
use serde::Serialize;

use crate::bundle::Bundle;
use crate::listening::ListeningPort;
use crate::output::OutputKind;
use crate::requirement::Requirement;

/// What a module says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Manifest {
    /// Its name, without the namespace.
    pub name: String,
    /// Whose it is.
    pub namespace: String,
    /// Its version, without build metadata.
    pub version: Version,
    /// What it does, in one line; may be empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// The licence it is under.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub license: Option<String>,
    /// When it runs, unless a plan says otherwise.
    pub phase: Phase,
    /// The outputs of other modules it needs.
    pub requires: Vec<Requirement>,
    /// The outputs of other modules it looks at where there are any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub wants: Vec<Requirement>,
    /// The outputs it provides, and what kind of value each has.
    pub provides: BTreeMap<String, OutputKind>,
    /// How a change goes through its members, unless a plan says otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rolling: Option<RollingKeys>,
    /// The ports that all of its members listen on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub listens: Vec<ListeningPort>,
    /// What it wants to do on machines.
    pub asks: Asks,
    /// What of it tells about trouble.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bundle: Option<Bundle>,
    #[serde(skip)]
    id: ModuleId,
}

impl Manifest {
    /// Parses a manifest; `name` is the path that diagnostics show.
    pub fn parse(name: &str, text: &str) -> Result<Self, Diagnostics> {
        let report = Report::new(Source::new(name, text));
        let Some(document) = Node::from_toml(&report) else {
            return Err(report.finish());
        };
        match Table::root(&document, &report).and_then(Self::read) {
            Some(manifest) if !report.has_errors() => Ok(manifest),
            _ => Err(report.finish()),
        }
    }

    /// Reads a file and parses it.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, LoadError> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path).map_err(|source| LoadError::Read {
            path: path.to_owned(),
            source,
        })?;
        Ok(Self::parse(&path.display().to_string(), &text)?)
    }

    /// Checks a manifest, wherever it comes from; everything wrong goes to the table's report.
    pub fn read(mut table: Table<'_>) -> Option<Self> {
        let name = table
            .require("name", "\"…\"")
            .and_then(|value| value.parse(word("module name")));
        let namespace = table
            .get("namespace")
            .map(|value| value.parse(word("namespace")));
        let version = table
            .require("version", "\"0.1.0\"")
            .and_then(|value| value.parse(version));
        let description = table.get("description").and_then(|value| value.parse(line));
        let license = table.get("license").and_then(|value| value.parse(line));
        let phase = table
            .get("phase")
            .map(|value| value.parse(str::parse::<Phase>));
        let requires = list(table.get("requires"), str::parse);
        let wants = list(table.get("wants"), str::parse);
        let provides = provides(table.get("provides"));
        let rolling = table.get("rolling").and_then(|value| value.table());
        let rolling = rolling.map(RollingKeys::read);
        let listens = list(table.get("listens"), str::parse);
        let asks = Asks::read(table.get("asks"));
        let bundle = table.get("bundle").and_then(|value| value.table());
        let bundle = bundle.map(|table| Bundle::read(table, &asks));
        table.finish();
        let namespace = namespace.unwrap_or_else(|| Some(DEFAULT_NAMESPACE.to_owned()));
        let id = ModuleId::new(&namespace?, &name?).ok()?;
        Some(Self {
            name: id.name().to_owned(),
            namespace: id.namespace().to_owned(),
            id,
            version: version?,
            description: description.unwrap_or_default(),
            license,
            phase: phase.unwrap_or(Some(Phase::PostZk))?,
            requires,
            wants,
            provides,
            rolling,
            listens,
            asks,
            bundle,
        })
    }

    /// Gives the full name of the module.
    pub fn id(&self) -> &ModuleId {
        &self.id
    }
}

fn word(kind: &'static str) -> impl Fn(&str) -> Result<String, Problem> {
    move |text| check_word(kind, text).map(|()| text.to_owned())
}

/// Reads outputs: a list of names, whose values are texts, or a table of names and types.
fn provides(value: Option<Value<'_>>) -> BTreeMap<String, OutputKind> {
    let name = word("name for an output");
    let Some(value) = value else {
        return BTreeMap::new();
    };
    let Kind::Table(_) = value.node().kind else {
        let names = list(Some(value), name);
        return names
            .into_iter()
            .map(|name| (name, OutputKind::Text))
            .collect();
    };
    let entries = value.table().map(|table| table.entries());
    let typed = entries.into_iter().flatten().filter_map(|(key, kind)| {
        let kind = kind.parse(str::parse::<OutputKind>);
        Some((key.parse(&name)?, kind?))
    });
    typed.collect()
}

fn version(text: &str) -> Result<Version, Problem> {
    let version = Version::parse(text).map_err(|error| {
        let message = format!("`{}` is not a version", text.escape_debug());
        Problem::new(message)
            .label(error.to_string())
            .help("write one such as `0.1.0`")
    })?;
    if let Some(at) = text.find('+') {
        let problem = Problem::new("a version carries no build metadata").within(at..text.len());
        return Err(
            problem.help("registries cannot tell such versions apart; leave out `+` and the rest")
        );
    }
    Ok(version)
}

fn list<T: PartialEq>(
    value: Option<Value<'_>>,
    parse: impl Fn(&str) -> Result<T, Problem>,
) -> Vec<T> {
    let mut found = Vec::new();
    for text in value.and_then(|value| value.texts()).unwrap_or_default() {
        match text.parse(&parse) {
            Some(one) if found.contains(&one) => {
                text.reject(Problem::new(format!("`{}` is listed twice", text.as_str())));
            }
            one => found.extend(one),
        }
    }
    found
}
