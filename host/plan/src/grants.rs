use crate::asks::{Ask, Asks, PathPrefix};
use crate::document::{Kind, Table, Value};
use crate::problem::Problem;

/// How all that a module asks for is granted.
const ASKED: &str = "asked";

/// What a plan lets a module do, of what it asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Grants {
    /// All of it.
    Asked,
    /// Only what is also in here.
    Only(Asks),
}

impl Grants {
    /// Reads `grants`: a word, or tables with the keys of what modules ask for.
    pub(crate) fn read(value: &Value<'_>) -> Option<Self> {
        match value.node().kind {
            Kind::String(_) => value.parse(|text| {
                if text == ASKED {
                    return Ok(Self::Asked);
                }
                Err(Problem::new(format!("`{}` is no grant", text.escape_debug())).help(
                    "write `grants = \"asked\"` for all that it asks for, or a table of what it may do: \
                     `grants = { paths = [\"/opt/tool\"], services = [\"tool\"] }`",
                ))
            }),
            Kind::Table(_) => Some(Self::of([value.table()])),
            _ => Some(Self::of(value.list()?.iter().map(Value::table))),
        }
    }

    fn of<'a>(tables: impl IntoIterator<Item = Option<Table<'a>>>) -> Self {
        let tables = tables.into_iter().flatten();
        Self::Only(Asks(tables.map(Ask::read_granted).collect()))
    }
}

/// Reads `links`: where links on machines may lead beside the places that are granted.
pub(crate) fn read_links(value: &Value<'_>) -> Vec<PathPrefix> {
    let texts = value.texts().unwrap_or_default();
    let paths = texts.iter().map(|text| text.parse(PathPrefix::new));
    paths.flatten().collect()
}
