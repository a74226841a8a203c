use std::ops::RangeInclusive;

use crate::document::{Kind, Node, Report, Table, Text};
use crate::problem::Problem;
use crate::source::Span;

/// A value being read; every method that finds something else than it wants reports that.
#[derive(Clone, Debug)]
pub struct Value<'a> {
    node: &'a Node,
    path: String,
    key_at: usize,
    report: &'a Report,
}

impl<'a> Value<'a> {
    /// Begins to read the value under a key; `parents` are the keys that lead to its table.
    pub fn new(node: &'a Node, parents: &str, key: &str, report: &'a Report) -> Self {
        let path = super::join(parents, key);
        let key_at = path.len() - key.len();
        Self {
            node,
            path,
            key_at,
            report,
        }
    }

    /// Gives the value itself.
    pub fn node(&self) -> &'a Node {
        self.node
    }

    /// Gives its place.
    pub fn span(&self) -> Span {
        self.node.span
    }

    /// Gives the keys that lead to it.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Gives the last of those keys.
    pub fn key(&self) -> &str {
        self.path.get(self.key_at..).unwrap_or_default()
    }

    /// Gives the report that it complains to.
    pub fn report(&self) -> &'a Report {
        self.report
    }

    /// Reports what is wrong with it.
    pub fn reject(&self, problem: Problem) {
        self.report.error(self.span(), &self.path, problem);
    }

    /// Reports that it is of the wrong type.
    pub fn wrong_type(&self, wanted: &str) {
        let found = self.node.kind.describe();
        let key = self.key();
        let problem = Problem::new(format!("`{key}` must be {wanted}, not {found}"));
        self.reject(problem.label(format!("wanted {wanted}, found {found}")));
    }

    /// Reads a string.
    pub fn text(&self) -> Option<Text<'a>> {
        let Kind::String(text) = &self.node.kind else {
            self.wrong_type("a string");
            return None;
        };
        Some(Text::new(text, self.span(), self.path.clone(), self.report))
    }

    /// Reads a string and parses it.
    pub fn parse<T>(&self, parse: impl FnOnce(&'a str) -> Result<T, Problem>) -> Option<T> {
        self.text()?.parse(parse)
    }

    /// Reads a string that is not empty.
    pub fn string(&self) -> Option<String> {
        self.parse(|text| match text.trim() {
            "" => Err(Problem::new("this string must not be empty")),
            _ => Ok(text.to_owned()),
        })
    }

    /// Reads a whole number within bounds.
    pub fn integer<T>(&self, bounds: RangeInclusive<T>) -> Option<T>
    where
        T: TryFrom<i128> + PartialOrd + std::fmt::Display,
    {
        let Kind::Integer(integer) = self.node.kind else {
            self.wrong_type("an integer");
            return None;
        };
        let fits = T::try_from(integer)
            .ok()
            .filter(|number| bounds.contains(number));
        if fits.is_none() {
            let key = self.key();
            let (low, high) = bounds.into_inner();
            let message = format!("`{key}` is out of range");
            self.reject(Problem::new(message).label(format!("wanted {low} to {high}")));
        }
        fits
    }

    /// Reads true or false.
    pub fn boolean(&self) -> Option<bool> {
        let Kind::Boolean(value) = self.node.kind else {
            self.wrong_type("true or false");
            return None;
        };
        Some(value)
    }

    /// Reads a list.
    pub fn list(&self) -> Option<Vec<Value<'a>>> {
        let Kind::List(items) = &self.node.kind else {
            self.wrong_type("a list");
            return None;
        };
        let item = |(index, node)| {
            let path = format!("{}[{index}]", self.path);
            Value {
                node,
                path,
                key_at: self.key_at,
                report: self.report,
            }
        };
        Some(items.iter().enumerate().map(item).collect())
    }

    /// Reads a list of strings; items that are something else are reported and left out.
    pub fn texts(&self) -> Option<Vec<Text<'a>>> {
        let items = self.list()?;
        Some(items.iter().filter_map(Value::text).collect())
    }

    /// Reads one string or a list of strings.
    pub fn one_or_more_texts(&self) -> Option<Vec<Text<'a>>> {
        match &self.node.kind {
            Kind::String(_) => Some(vec![self.text()?]),
            Kind::List(_) => self.texts(),
            _ => {
                self.wrong_type("a string or a list of strings");
                None
            }
        }
    }

    /// Reads a table.
    pub fn table(&self) -> Option<Table<'a>> {
        let Kind::Table(entries) = &self.node.kind else {
            self.wrong_type("a table");
            return None;
        };
        Some(Table::new(
            entries,
            self.span(),
            self.path.clone(),
            self.report,
        ))
    }
}
