use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue};

use crate::document::Report;
use crate::problem::Problem;
use crate::source::{Source, Span};

/// A value with its place.
#[derive(Clone, Debug)]
pub struct Node {
    /// Where it stands; for a table under a header, the header.
    pub span: Span,
    /// What it is.
    pub kind: Kind,
}

/// What a [`Node`] can be.
#[derive(Clone, Debug)]
pub enum Kind {
    /// A string.
    String(String),
    /// A whole number, as large as it was written.
    Integer(i128),
    /// A number with a fraction.
    Float(f64),
    /// True or false.
    Boolean(bool),
    /// A date or a time, as written.
    Datetime(String),
    /// JSON's null, which TOML does not have.
    Null,
    /// A list.
    List(Vec<Node>),
    /// A table, in the order of the text.
    Table(Vec<Entry>),
}

/// One key of a table and its value.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The key, without quotes.
    pub key: String,
    /// Where the key stands, quotes included.
    pub key_span: Span,
    /// The value.
    pub value: Node,
}

impl Kind {
    /// Names it with its article, for messages.
    pub fn describe(&self) -> &'static str {
        match self {
            Self::String(_) => "a string",
            Self::Integer(_) => "an integer",
            Self::Float(_) => "a float",
            Self::Boolean(_) => "a boolean",
            Self::Datetime(_) => "a date or time",
            Self::Null => "null",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
        }
    }
}

impl Node {
    /// Parses a TOML document; when its syntax is wrong, that goes to the report and that is all.
    pub fn from_toml(report: &Report) -> Option<Self> {
        let (table, errors) = DeTable::parse_recoverable(report.source().text());
        for error in &errors {
            let span = error.span().map(Span::from).unwrap_or_default();
            report.error(span, "", Problem::new(error.message()));
        }
        let kind = kind_of_table(table.get_ref(), report);
        errors.is_empty().then_some(Self {
            span: Span::default(),
            kind,
        })
    }

    /// Takes over a JSON value; every place is the beginning of the source.
    pub fn from_json(value: &serde_json::Value) -> Self {
        use serde_json::Value;
        let kind = match value {
            Value::Null => Kind::Null,
            Value::Bool(value) => Kind::Boolean(*value),
            Value::Number(number) => match number.as_i128() {
                Some(integer) => Kind::Integer(integer),
                None => Kind::Float(number.as_f64().unwrap_or(f64::NAN)),
            },
            Value::String(text) => Kind::String(text.clone()),
            Value::Array(list) => Kind::List(list.iter().map(Self::from_json).collect()),
            Value::Object(map) => Kind::Table(map.iter().map(Entry::from_json).collect()),
        };
        Self {
            span: Span::default(),
            kind,
        }
    }
}

impl Entry {
    fn from_json((key, value): (&String, &serde_json::Value)) -> Self {
        Self {
            key: key.clone(),
            key_span: Span::default(),
            value: Node::from_json(value),
        }
    }
}

fn node(value: &Spanned<DeValue<'_>>, report: &Report) -> Node {
    let span = span_of(value.span(), report.source());
    let kind = match value.get_ref() {
        DeValue::String(text) => Kind::String(text.clone().into_owned()),
        DeValue::Integer(integer) => Kind::Integer(whole(integer)),
        DeValue::Float(float) => Kind::Float(float.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(value) => Kind::Boolean(*value),
        DeValue::Datetime(datetime) => Kind::Datetime(datetime.to_string()),
        DeValue::Array(list) => Kind::List(list.iter().map(|item| node(item, report)).collect()),
        DeValue::Table(table) => kind_of_table(table, report),
    };
    Node { span, kind }
}

fn kind_of_table(table: &DeTable<'_>, report: &Report) -> Kind {
    let mut entries: Vec<Entry> = table
        .iter()
        .map(|(key, value)| Entry {
            key: key.get_ref().clone().into_owned(),
            key_span: span_of(key.span(), report.source()),
            value: node(value, report),
        })
        .collect();
    // The parser keeps keys sorted by name; people read (and machines are numbered) in text order.
    entries.sort_by_key(|entry| entry.key_span);
    Kind::Table(entries)
}

fn span_of(range: std::ops::Range<usize>, source: &Source) -> Span {
    source.fit(range.into())
}

fn whole(integer: &DeInteger<'_>) -> i128 {
    let (digits, radix) = (integer.as_str(), integer.radix());
    let too_large = if digits.starts_with('-') {
        i128::MIN
    } else {
        i128::MAX
    };
    i128::from_str_radix(digits, radix).unwrap_or(too_large)
}
