use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use semver::VersionReq;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::asks::PathPrefix;
use crate::exact::Exact;
use crate::grants::Grants;
use crate::name::{InstanceName, MachineName, PhaseName, SecretName, check_word};
use crate::problem::Problem;
use crate::rolling::RollingChoice;
use crate::settings::Places;
use crate::source::Span;

/// The namespace of a module that names none.
pub const DEFAULT_NAMESPACE: &str = "cellhost";

/// The name of a module in a registry, written `namespace:name` or just `name`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ModuleId {
    namespace: String,
    name: String,
}

impl ModuleId {
    /// Checks both parts and puts them together.
    pub fn new(namespace: &str, name: &str) -> Result<Self, Problem> {
        check_word("namespace", namespace)?;
        check_word("module name", name)?;
        Ok(Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        })
    }

    /// Gives the namespace.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Gives the name without its namespace.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl FromStr for ModuleId {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        if let Some(at) = text.find('@') {
            let problem = Problem::new(format!("`{text}` is not a module name"));
            let help = "the version has its own key: `version = \"^1\"`; a hash stands behind an \
                        address: `module = \"oci://…@sha256:…\"`";
            return Err(problem.within(at..text.len()).help(help));
        }
        let Some((namespace, name)) = text.split_once(':') else {
            return Self::new(DEFAULT_NAMESPACE, text);
        };
        check_word("namespace", namespace)?;
        let start = namespace.len() + 1;
        Self::new(namespace, name).map_err(|problem| {
            let inner = problem.within.clone().unwrap_or(0..name.len());
            problem.within(start + inner.start..start + inner.end)
        })
    }
}

impl fmt::Display for ModuleId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.namespace, self.name)
    }
}

impl TryFrom<String> for ModuleId {
    type Error = Problem;

    fn try_from(text: String) -> Result<Self, Problem> {
        text.parse()
    }
}

impl From<ModuleId> for String {
    fn from(id: ModuleId) -> Self {
        id.to_string()
    }
}

/// One use of a module in a plan, on some machines with some settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModuleUse {
    /// Its name in the plan.
    pub name: InstanceName,
    /// The module it uses.
    pub module: ModuleId,
    /// Which bytes these are, where the plan says it itself.
    pub exact: Option<Exact>,
    /// The versions of the module that are welcome.
    pub requirement: VersionReq,
    /// The machines it runs on, in plan order; never empty.
    pub machines: Vec<MachineName>,
    /// The phase it runs in; the module's own when absent.
    pub phase: Option<PhaseName>,
    /// The instances that must be through before it starts.
    pub after: Vec<InstanceName>,
    /// Its settings, always an object; not yet checked against the module's schema.
    pub settings: Json,
    /// The secrets its settings name.
    pub secrets: BTreeSet<SecretName>,
    /// The member numbers the plan fixes.
    pub ordinals: BTreeMap<MachineName, u16>,
    /// The templates that the plan puts in the place of its own, by name.
    pub templates: BTreeMap<String, Replacement>,
    /// How a change goes through its machines.
    pub rolling: RollingChoice,
    /// What it may do of what it asks for, where the plan says it.
    pub grants: Option<Grants>,
    /// Where links on its machines may lead beside the places that it may write or read.
    pub links: Vec<PathPrefix>,
    /// Where its name stands in the plan.
    pub span: Span,
    pub(crate) after_spans: Vec<Span>,
    pub(crate) requirement_span: Span,
    pub(crate) places: Places,
}

/// A template that a plan puts in the place of a module's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replacement {
    /// Its text.
    pub text: String,
    /// Where its name stands in the plan.
    pub span: Span,
}

impl ModuleUse {
    /// Gives the place of a setting by its JSON pointer, or of the nearest one around it.
    pub fn span_of(&self, pointer: &str) -> Span {
        self.places.value(pointer).unwrap_or(self.span)
    }

    /// Gives the place of the key of a setting by its JSON pointer, or of the nearest around it.
    pub fn key_span_of(&self, pointer: &str) -> Span {
        self.places.key(pointer).unwrap_or(self.span)
    }

    /// Gives the place where it says that it waits for another instance, if it says so.
    pub fn after_span(&self, other: &InstanceName) -> Option<Span> {
        let place = self.after.iter().position(|name| name == other)?;
        self.after_spans.get(place).copied()
    }

    /// Gives the place of the version requirement, or of the instance when it has none.
    pub fn requirement_span(&self) -> Span {
        self.requirement_span
    }
}

impl From<&ModuleId> for InstanceName {
    /// Names an instance after its module, as a plan that says nothing else does.
    fn from(id: &ModuleId) -> Self {
        Self::unchecked(&id.name)
    }
}
