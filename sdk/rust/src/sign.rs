use crate::bindings::cellhost::exec::exec;

/// What a wait looks for in an answer.
#[derive(Clone, Debug)]
pub struct Sign(exec::Sign);

impl Sign {
    /// Wants the program to end with status 0.
    pub fn success() -> Self {
        Self::status(0)
    }

    /// Wants the program to end with this status.
    pub fn status(status: i32) -> Self {
        Self(exec::Sign {
            status,
            contains: String::new(),
        })
    }

    /// Wants the program to end with status 0 and its output to contain a text.
    pub fn output(contains: impl Into<String>) -> Self {
        Self(exec::Sign {
            status: 0,
            contains: contains.into(),
        })
    }

    pub(crate) fn inner(&self) -> &exec::Sign {
        &self.0
    }
}
