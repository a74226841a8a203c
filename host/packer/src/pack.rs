use cellhost_manifest::{Embedded, embed};

use crate::{Folder, PackError, componentize, describe};

/// Makes the finished module file of a compiled guest and its folder.
///
/// Where the folder has no schema, the guest is asked for it. The same guest and folder give
/// the same bytes.
pub fn pack(guest: &[u8], folder: Folder) -> Result<Vec<u8>, PackError> {
    let schema = match folder.schema {
        Some(schema) => Some(schema),
        None => described(guest)?,
    };
    let component = componentize(guest)?;
    let embedded = Embedded::new(folder.manifest, schema, folder.templates);
    Ok(embed(&component, &embedded)?)
}

fn described(guest: &[u8]) -> Result<Option<serde_json::Value>, PackError> {
    if !wasmparser::Parser::is_core_wasm(guest) {
        return Ok(None);
    }
    let Some(text) = describe(guest)? else {
        return Ok(None);
    };
    let schema = serde_json::from_str(&text).map_err(|source| PackError::Schema {
        origin: "the guest's description".to_owned(),
        source,
    })?;
    Ok(Some(schema))
}

#[cfg(test)]
mod tests {
    use super::*;
    use cellhost_manifest::{Manifest, extract};
    use std::collections::BTreeMap;

    #[test]
    fn what_is_packed_can_be_read_back() {
        let text = "name = \"x\"\nversion = \"0.1.0\"\n";
        let folder = Folder {
            manifest: Manifest::parse("module.toml", text).unwrap(),
            schema: Some(serde_json::json!({ "type": "object" })),
            templates: BTreeMap::from([("motd".to_owned(), "hello".to_owned())]),
        };
        let packed = pack(b"\0asm\x0d\0\x01\0", folder.clone()).unwrap();
        let read = extract(&packed).unwrap();
        assert_eq!(read.manifest, folder.manifest);
        assert_eq!(read.schema, folder.schema);
        assert_eq!(read.templates, folder.templates);
    }
}
