use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A secret in a module's settings: its name. The module never sees the value.
///
/// In settings and in a template's variables it is the object `{"secret": "<name>"}`, in whose
/// place the host puts the value when the file is written.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct Secret {
    /// The name of a secret of the plan.
    #[serde(rename = "secret")]
    name: String,
}

impl Secret {
    /// Names a secret of the plan.
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: name.into() }
    }

    /// Returns the secret's name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_an_object_with_its_name_in_json() {
        let written = serde_json::to_string(&Secret::named("redis")).unwrap();
        assert_eq!(written, r#"{"secret":"redis"}"#);
        let read: Secret = serde_json::from_str(&written).unwrap();
        assert_eq!(read.name(), "redis");
    }

    #[test]
    fn a_bare_string_is_no_secret() {
        assert!(serde_json::from_str::<Secret>(r#""hunter2""#).is_err());
    }
}
