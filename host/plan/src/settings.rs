use std::collections::BTreeMap;

use serde_json::{Map, Number, Value as Json};

use crate::document::{Entry, Kind, Node, Report, Text, Value};
use crate::problem::Problem;
use crate::source::Span;

/// Free-form values as JSON, with the place of each one and the secrets they name.
#[derive(Debug, Default)]
pub(crate) struct Settings<'a> {
    pub(crate) json: Json,
    pub(crate) places: Places,
    pub(crate) secrets: Vec<Text<'a>>,
}

/// Where each value of a free-form tree stands, by JSON pointer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Places(BTreeMap<String, Place>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    key: Span,
    value: Span,
}

impl Places {
    /// Puts the place of the whole tree.
    pub(crate) fn whole(span: Span) -> Self {
        Self(BTreeMap::from([(
            String::new(),
            Place {
                key: span,
                value: span,
            },
        )]))
    }

    pub(crate) fn value(&self, pointer: &str) -> Option<Span> {
        self.nearest(pointer).map(|place| place.value)
    }

    pub(crate) fn key(&self, pointer: &str) -> Option<Span> {
        self.nearest(pointer).map(|place| place.key)
    }

    fn nearest(&self, pointer: &str) -> Option<Place> {
        let mut pointer = pointer;
        loop {
            if let Some(place) = self.0.get(pointer) {
                return Some(*place);
            }
            pointer = pointer.rsplit_once('/')?.0;
        }
    }
}

impl<'a> Settings<'a> {
    pub(crate) fn read(value: &Value<'a>) -> Self {
        let mut reader = Reader {
            report: value.report(),
            places: Places::default(),
            secrets: Vec::new(),
        };
        let node = value.node();
        let json = reader.node(node, node.span, value.path(), String::new());
        Self {
            json,
            places: reader.places,
            secrets: reader.secrets,
        }
    }
}

struct Reader<'a> {
    report: &'a Report,
    places: Places,
    secrets: Vec<Text<'a>>,
}

impl<'a> Reader<'a> {
    fn node(&mut self, node: &'a Node, key: Span, path: &str, pointer: String) -> Json {
        let json = match &node.kind {
            Kind::String(text) | Kind::Datetime(text) => Json::String(text.clone()),
            Kind::Integer(integer) => self.integer(*integer, node.span, path),
            Kind::Float(float) => self.float(*float, node.span, path),
            Kind::Boolean(value) => Json::Bool(*value),
            Kind::Null => Json::Null,
            Kind::List(items) => self.list(items, path, &pointer),
            Kind::Table(entries) => self.table(entries, path, &pointer),
        };
        self.places.0.insert(
            pointer,
            Place {
                key,
                value: node.span,
            },
        );
        json
    }

    fn integer(&self, integer: i128, span: Span, path: &str) -> Json {
        i64::try_from(integer).map_or_else(
            |_| {
                let help = format!("integers go from {} to {}", i64::MIN, i64::MAX);
                self.report.error(
                    span,
                    path,
                    Problem::new("this integer is too large").help(help),
                );
                Json::Null
            },
            Json::from,
        )
    }

    fn float(&self, float: f64, span: Span, path: &str) -> Json {
        Number::from_f64(float).map_or_else(
            || {
                let message = "settings cannot hold infinity or not-a-number";
                self.report.error(span, path, Problem::new(message));
                Json::Null
            },
            Json::Number,
        )
    }

    fn list(&mut self, items: &'a [Node], path: &str, pointer: &str) -> Json {
        let items = items.iter().enumerate().map(|(index, item)| {
            let path = format!("{path}[{index}]");
            self.node(item, item.span, &path, format!("{pointer}/{index}"))
        });
        Json::Array(items.collect())
    }

    fn table(&mut self, entries: &'a [Entry], path: &str, pointer: &str) -> Json {
        if let [
            Entry {
                key,
                value:
                    Node {
                        kind: Kind::String(name),
                        span,
                    },
                ..
            },
        ] = entries
            && key == "secret"
        {
            self.secrets.push(Text::new(
                name,
                *span,
                format!("{path}.secret"),
                self.report,
            ));
        }
        let mut map = Map::new();
        for Entry {
            key,
            key_span,
            value,
        } in entries
        {
            let escaped = key.replace('~', "~0").replace('/', "~1");
            let path = format!("{path}.{key}");
            let json = self.node(value, *key_span, &path, format!("{pointer}/{escaped}"));
            map.insert(key.clone(), json);
        }
        Json::Object(map)
    }
}
