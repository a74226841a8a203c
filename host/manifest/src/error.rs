use cellhost_plan::{Diagnostic, Diagnostics};

/// How many problems an error lists at most: a hostile file could have a million.
const LISTED: usize = 20;

/// How many characters of each problem it shows at most, for the same reason.
const LONGEST: usize = 300;

/// Says why bytes are no module of ours, or could not be made one.
#[derive(Debug, thiserror::Error)]
pub enum ExtractError {
    /// The bytes are no WebAssembly at all.
    #[error("this is not a WebAssembly component")]
    NotComponent,
    /// The bytes are a core module.
    #[error("this is a core WebAssembly module, not a component")]
    CoreModule,
    /// The bytes begin as a component but break off or make no sense.
    #[error("this component is damaged at byte {offset}: {reason}")]
    Damaged {
        /// Where.
        offset: u64,
        /// What is wrong there.
        reason: String,
    },
    /// The component is not a module of cellhost.
    #[error("this component has no `cellhost:module` section, so it is not a module of cellhost")]
    NoSection,
    /// The component has the section more than once, so nobody can say which one counts.
    #[error("this component has more than one `cellhost:module` section")]
    SeveralSections,
    /// The section is larger than allowed.
    #[error("the `cellhost:module` section has {size} bytes, at most {limit} are allowed")]
    TooLarge {
        /// Its size in bytes.
        size: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// The section is not JSON.
    #[error("the `cellhost:module` section is not JSON")]
    BadJson {
        /// What the JSON parser says.
        source: serde_json::Error,
    },
    /// The section is of a format this version does not know.
    #[error("the `cellhost:module` section has format {format}, which this version cannot read")]
    UnknownFormat {
        /// The format it claims.
        format: u64,
    },
    /// What the section says is wrong, such as a name or a version.
    #[error("the `cellhost:module` section is wrong: {}", problems.join("; "))]
    Invalid {
        /// What is wrong, each with the keys that lead to it.
        problems: Vec<String>,
    },
}

impl ExtractError {
    pub(crate) fn invalid(diagnostics: &Diagnostics) -> Self {
        let describe = |one: &Diagnostic| {
            let text = match one.path.as_str() {
                "" => one.message.clone(),
                path => format!("`{}`: {}", path.escape_debug(), one.message),
            };
            text.chars().take(LONGEST).collect::<String>()
        };
        let mut problems: Vec<String> = diagnostics.errors().take(LISTED).map(describe).collect();
        let more = diagnostics.errors().count().saturating_sub(LISTED);
        if more > 0 {
            problems.push(format!("and {more} more"));
        }
        Self::Invalid { problems }
    }
}
