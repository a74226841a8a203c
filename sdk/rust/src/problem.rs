use crate::Problem;

impl Problem {
    /// Makes a problem of one setting, named by a JSON pointer such as `/port`.
    pub fn with(setting: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            setting: setting.into(),
            message: message.into(),
        }
    }

    /// Makes a problem of the module's use as a whole, such as too few machines.
    pub fn of_all(message: impl Into<String>) -> Self {
        Self::with("", message)
    }
}
