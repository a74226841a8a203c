//! Templates of a module, and their rendering.

use std::collections::BTreeMap;

use cellhost_manifest::digest;
use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, ErrorKind, UndefinedBehavior};
use serde_json::Value;

/// How many steps one rendering may take.
const FUEL: u64 = 5_000_000;
/// How long a rendered text may be, in bytes.
const LONGEST: usize = 8 << 20;

/// The templates of one module, the plan's replacements among them.
pub struct Templates {
    environment: Environment<'static>,
}

impl std::fmt::Debug for Templates {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.environment.templates().map(|(name, _)| name).collect();
        formatter.debug_tuple("Templates").field(&names).finish()
    }
}

/// Why there is no text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// The module has no such template.
    #[error("there is no template `{name}`; there are: {known}")]
    Unknown {
        /// The name.
        name: String,
        /// The names there are.
        known: String,
    },
    /// The template uses a variable that it was not given.
    #[error("template `{name}`, line {line}: {what} is not defined")]
    Undefined {
        /// The template.
        name: String,
        /// The line in it.
        line: usize,
        /// The expression, as far as it is known.
        what: String,
    },
    /// The template or its variables are broken, or the text grew too long.
    #[error("template `{name}`, line {line}: {reason}")]
    Invalid {
        /// The template.
        name: String,
        /// The line in it; 0 where it is about no line.
        line: usize,
        /// What is wrong.
        reason: String,
    },
}

impl Default for Templates {
    /// No templates at all.
    fn default() -> Self {
        Self {
            environment: Environment::new(),
        }
    }
}

impl Templates {
    /// Reads the templates of a module. All must parse.
    pub fn parse(sources: &BTreeMap<String, String>) -> Result<Self, TemplateError> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        let mut syntax = SyntaxConfig::builder();
        syntax
            .keep_trailing_newline(true)
            .trim_blocks(true)
            .lstrip_blocks(true);
        match syntax.build() {
            Ok(syntax) => environment.set_syntax(syntax),
            Err(error) => return Err(understood("", &error)),
        }
        environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        environment.set_fuel(Some(FUEL));
        environment.set_recursion_limit(64);
        for (name, source) in sources {
            environment
                .add_template_owned(name.clone(), source.clone())
                .map_err(|error| understood(name, &error))?;
        }
        Ok(Self { environment })
    }

    /// The hash of a template's text, as it is before anything is filled in.
    pub(crate) fn digest(&self, name: &str) -> Option<String> {
        let mut all = self.environment.templates();
        let found = all.find(|(known, _)| *known == name);
        found.map(|(_, template)| digest(template.source().as_bytes()))
    }

    /// Renders a template with the members of a JSON object as its variables.
    pub fn render(&self, name: &str, variables: &Value) -> Result<String, TemplateError> {
        let Ok(template) = self.environment.get_template(name) else {
            let known = self
                .environment
                .templates()
                .map(|(name, _)| format!("`{name}`"));
            return Err(TemplateError::Unknown {
                name: name.to_owned(),
                known: known.collect::<Vec<_>>().join(", "),
            });
        };
        let mut text = Capped(Vec::new());
        match template.render_captured_to(minijinja::value::Serde(variables), &mut text) {
            Ok(_) => {}
            Err(_) if text.0.len() >= LONGEST => {
                let reason = format!("the text is longer than {LONGEST} bytes");
                return Err(TemplateError::Invalid {
                    name: name.to_owned(),
                    line: 0,
                    reason,
                });
            }
            Err(error) => return Err(understood(name, &error)),
        }
        String::from_utf8(text.0).map_err(|_| TemplateError::Invalid {
            name: name.to_owned(),
            line: 0,
            reason: "the text is not UTF-8".to_owned(),
        })
    }
}

/// A writer that refuses more than [`LONGEST`] bytes, so that a template cannot fill memory.
struct Capped(Vec<u8>);

impl std::io::Write for Capped {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.0.len() + bytes.len() > LONGEST {
            self.0.resize(LONGEST, 0);
            return Err(std::io::Error::other("too long"));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn understood(name: &str, error: &minijinja::Error) -> TemplateError {
    let line = error.line().unwrap_or(0);
    let name = error.name().unwrap_or(name).to_owned();
    if error.kind() == ErrorKind::UndefinedError {
        let what = error
            .range()
            .zip(error.template_source())
            .and_then(|(range, source)| source.get(range))
            .map_or_else(|| "a variable".to_owned(), |text| format!("`{text}`"));
        return TemplateError::Undefined { name, line, what };
    }
    let reason = match (error.kind(), error.detail()) {
        (ErrorKind::OutOfFuel, _) => "it takes too many steps".to_owned(),
        (kind, Some(detail)) => format!("{kind}: {detail}"),
        (kind, None) => kind.to_string(),
    };
    TemplateError::Invalid { name, line, reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(source: &str, variables: &Value) -> Result<String, TemplateError> {
        let sources = BTreeMap::from([("t".to_owned(), source.to_owned())]);
        Templates::parse(&sources)?.render("t", variables)
    }

    #[test]
    fn keeps_the_last_newline_and_trims_block_lines() {
        let text = rendered(
            "a\n{% for x in xs %}\n- {{ x }}\n{% endfor %}\n",
            &serde_json::json!({"xs": [1, 2]}),
        );
        assert_eq!(text.unwrap(), "a\n- 1\n- 2\n");
    }

    #[test]
    fn names_the_undefined_variable_and_its_line() {
        let error = rendered("a\n{{ port }}\n", &serde_json::json!({})).unwrap_err();
        assert_eq!(
            error.to_string(),
            "template `t`, line 2: `port` is not defined"
        );
    }

    #[test]
    fn refuses_a_text_without_end() {
        let source = "{% for a in range(10000) %}{{ x }}{% endfor %}";
        let error = rendered(source, &serde_json::json!({"x": "y".repeat(100_000)})).unwrap_err();
        assert!(error.to_string().contains("longer than"), "{error}");
    }

    #[test]
    fn refuses_endless_work() {
        let source =
            "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}";
        let error = rendered(source, &serde_json::json!({})).unwrap_err();
        assert!(error.to_string().contains("too many steps"), "{error}");
    }

    #[test]
    fn never_escapes() {
        let text = rendered("{{ x }}", &serde_json::json!({"x": "<a & 'b'>"}));
        assert_eq!(text.unwrap(), "<a & 'b'>");
    }
}
