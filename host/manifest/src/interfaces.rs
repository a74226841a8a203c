use wasmparser::{Encoding, Parser, Payload};

use crate::error::ExtractError;

/// What a component asks of its host and offers it, by the names of its interfaces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interfaces {
    /// What it imports, in the order of the component.
    pub imports: Vec<String>,
    /// What it exports.
    pub exports: Vec<String>,
}

impl Interfaces {
    /// Reads them from a component that nobody vouches for; what is nested inside is not looked at.
    pub fn of(component: &[u8]) -> Result<Self, ExtractError> {
        let damaged = |error: wasmparser::BinaryReaderError| ExtractError::Damaged {
            offset: error.offset(),
            reason: error.message().to_owned(),
        };
        let mut found = Self::default();
        let mut depth = 0_usize;
        for payload in Parser::new(0).parse_all(component) {
            match payload.map_err(damaged)? {
                Payload::Version { encoding, .. } => {
                    if depth == 0 && encoding != Encoding::Component {
                        return Err(ExtractError::CoreModule);
                    }
                    depth += 1;
                }
                Payload::End(_) => depth = depth.saturating_sub(1),
                Payload::ComponentImportSection(section) if depth == 1 => {
                    for import in section {
                        found
                            .imports
                            .push(import.map_err(damaged)?.name.name.to_owned());
                    }
                }
                Payload::ComponentExportSection(section) if depth == 1 => {
                    for export in section {
                        found
                            .exports
                            .push(export.map_err(damaged)?.name.name.to_owned());
                    }
                }
                _ => {}
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_what_stands_outside_and_nothing_from_within() {
        let text = r#"(component
            (import "a:b/c@0.1.0" (instance $c))
            (component (import "inner:x/y" (instance)))
            (export "d:e/f" (instance $c)))"#;
        let found = Interfaces::of(&wat::parse_str(text).unwrap()).unwrap();
        assert_eq!(found.imports, ["a:b/c@0.1.0"]);
        assert_eq!(found.exports, ["d:e/f"]);
    }

    #[test]
    fn refuses_what_is_no_component() {
        let core = wat::parse_str("(module)").unwrap();
        assert!(matches!(
            Interfaces::of(&core),
            Err(ExtractError::CoreModule)
        ));
        assert!(Interfaces::of(b"nothing").is_err());
    }
}
