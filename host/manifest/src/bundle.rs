use cellhost_plan::document::{Table, Text, Value};
use cellhost_plan::{Asks, PathPrefix, Problem};
use serde::Serialize;

/// What of a module tells about trouble on a machine, for whoever gathers it. All of it is within
/// what the module may read, change or run anyway.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Bundle {
    /// Files, and directories with all below.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<PathPrefix>,
    /// Services whose logs the machine keeps.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<String>,
    /// Programs that only look, and their arguments.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub commands: Vec<Vec<String>>,
}

const HELP: &str = "only what `[[asks]]` covers can be gathered";

impl Bundle {
    pub(crate) fn read(mut table: Table<'_>, asks: &Asks) -> Self {
        let paths = texts(table.get("paths"));
        let path = |text: &Text<'_>| {
            text.parse(|path| {
                let prefix = PathPrefix::new(path)?;
                let denied = || Problem::new(format!("the module may not read `{path}`"));
                let allowed = asks.allows_read(prefix.as_str());
                allowed.then_some(prefix).ok_or_else(|| denied().help(HELP))
            })
        };
        let services = texts(table.get("services"));
        let service = |text: &Text<'_>| {
            text.parse(|name| {
                let denied = || Problem::new(format!("the module has no service `{name}`"));
                let allowed = asks.allows_service(name);
                let name = allowed.then(|| name.to_owned());
                name.ok_or_else(|| denied().help(HELP))
            })
        };
        let commands = table.get("commands").and_then(|value| value.list());
        let commands = commands.unwrap_or_default().into_iter();
        let commands = commands.filter_map(|value| {
            let words: Vec<&str> = value.texts()?.iter().map(Text::as_str).collect();
            if !asks.allows_command(&words) {
                let problem = format!("the module may not run `{}`", words.join(" "));
                value.reject(Problem::new(problem).help(HELP));
                return None;
            }
            Some(words.into_iter().map(ToOwned::to_owned).collect())
        });
        let bundle = Self {
            paths: paths.iter().filter_map(path).collect(),
            services: services.iter().filter_map(service).collect(),
            commands: commands.collect(),
        };
        table.finish();
        bundle
    }
}

fn texts(value: Option<Value<'_>>) -> Vec<Text<'_>> {
    value.and_then(|value| value.texts()).unwrap_or_default()
}
