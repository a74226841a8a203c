use crate::Condition;

impl Condition {
    /// Says that it serves, but not as planned, and why.
    pub fn degraded(why: impl Into<String>) -> Self {
        Self::Degraded(why.into())
    }

    /// Says that it does not serve, and why.
    pub fn down(why: impl Into<String>) -> Self {
        Self::Down(why.into())
    }
}
