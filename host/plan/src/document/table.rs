use crate::document::{Entry, Kind, Node, Report, Text, Value};
use crate::problem::Problem;
use crate::source::Span;

/// A table being read; it remembers which keys were asked for.
#[derive(Debug)]
pub struct Table<'a> {
    entries: &'a [Entry],
    span: Span,
    path: String,
    report: &'a Report,
    known: Vec<&'static str>,
}

impl<'a> Table<'a> {
    /// Begins to read a table that the given keys lead to.
    pub fn new(entries: &'a [Entry], span: Span, path: String, report: &'a Report) -> Self {
        Self {
            entries,
            span,
            path,
            report,
            known: Vec::new(),
        }
    }

    /// Begins to read a whole document.
    pub fn root(document: &'a Node, report: &'a Report) -> Option<Self> {
        let Kind::Table(entries) = &document.kind else {
            report.error(document.span, "", Problem::new("this must be a table"));
            return None;
        };
        Some(Self::new(entries, document.span, String::new(), report))
    }

    /// Gives its place; for a table under a header, the header.
    pub fn span(&self) -> Span {
        self.span
    }

    /// Gives the keys that lead to it.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Reports what is wrong with the table as a whole.
    pub fn reject(&self, problem: Problem) {
        self.report.error(self.span, &self.path, problem);
    }

    /// Gives the value of a key, if it is there, and counts the key as known.
    pub fn get(&mut self, key: &'static str) -> Option<Value<'a>> {
        self.known.push(key);
        let entry = self.entries.iter().find(|entry| entry.key == key)?;
        Some(self.value(entry))
    }

    /// Gives the value of a key and reports when it is missing.
    pub fn require(&mut self, key: &'static str, example: &str) -> Option<Value<'a>> {
        let value = self.get(key);
        if value.is_none() {
            let place = if self.path.is_empty() {
                "this file"
            } else {
                "this table"
            };
            let problem = Problem::new(format!("`{key}` is missing"));
            let problem = problem.label(format!("{place} needs `{key}`"));
            self.reject(problem.help(format!("write `{key} = {example}`")));
        }
        value
    }

    /// Gives every key with its value, in the order of the text; for tables whose keys are free.
    pub fn entries(&self) -> Vec<(Text<'a>, Value<'a>)> {
        self.entries
            .iter()
            .map(|entry| {
                let key = Text::new(
                    &entry.key,
                    entry.key_span,
                    self.path_to(&entry.key),
                    self.report,
                );
                (key, self.value(entry))
            })
            .collect()
    }

    /// Reports every key that was not asked for.
    pub fn finish(self) {
        for entry in self.entries {
            if self.known.contains(&entry.key.as_str()) {
                continue;
            }
            let place = match self.path.as_str() {
                "" => String::new(),
                path => format!(" in `{path}`"),
            };
            let help = self.report.suggest(&entry.key, self.known.iter().copied());
            let problem = Problem::new(format!("unknown key `{}`{place}", entry.key));
            let path = self.path_to(&entry.key);
            self.report
                .error(entry.key_span, &path, problem.maybe_help(help));
        }
    }

    fn value(&self, entry: &'a Entry) -> Value<'a> {
        Value::new(&entry.value, &self.path, &entry.key, self.report)
    }

    fn path_to(&self, key: &str) -> String {
        super::join(&self.path, key)
    }
}
