use std::ops::Range;

use wasm_encoder::{Component, ComponentSection, CustomSection};
use wasmparser::{BinaryReader, BinaryReaderError, CustomSectionReader, Parser};

use crate::canonical::canonical;
use crate::embedded::Embedded;
use crate::error::ExtractError;

/// The name of the custom section.
pub const SECTION: &str = "cellhost:module";

/// How many bytes the section has at most.
pub const LARGEST_SECTION: usize = 4 * 1024 * 1024;

const CUSTOM: u8 = 0;

/// Puts a module's description into a component, in place of one that is there.
///
/// The same component and description give the same bytes, and [`extract`] reads them back.
pub fn embed(component: &[u8], embedded: &Embedded) -> Result<Vec<u8>, ExtractError> {
    let data = canonical(embedded).map_err(|source| ExtractError::BadJson { source })?;
    let mut bytes = Component::HEADER.to_vec();
    for section in sections(component)? {
        if section.data.is_none() {
            bytes.extend_from_slice(component.get(section.range).unwrap_or_default());
        }
    }
    let section = CustomSection {
        name: SECTION.into(),
        data: data.into(),
    };
    bytes.push(section.id());
    wasm_encoder::Encode::encode(&section, &mut bytes);
    extract(&bytes)?;
    Ok(bytes)
}

/// Reads a module's description from a component that nobody vouches for.
///
/// Looks at the outermost component only: what is nested inside speaks for itself alone.
pub fn extract(component: &[u8]) -> Result<Embedded, ExtractError> {
    let sections = sections(component)?;
    let mut ours = sections.into_iter().filter_map(|section| section.data);
    let data = ours.next().ok_or(ExtractError::NoSection)?;
    if ours.next().is_some() {
        return Err(ExtractError::SeveralSections);
    }
    if data.len() > LARGEST_SECTION {
        return Err(ExtractError::TooLarge {
            size: data.len(),
            limit: LARGEST_SECTION,
        });
    }
    Embedded::from_json(data)
}

/// One section of a component.
struct Section<'a> {
    /// All of its bytes.
    range: Range<usize>,
    /// What is inside, when it is ours.
    data: Option<&'a [u8]>,
}

fn sections(component: &[u8]) -> Result<Vec<Section<'_>>, ExtractError> {
    if Parser::is_core_wasm(component) {
        return Err(ExtractError::CoreModule);
    }
    if !Parser::is_component(component) {
        return Err(ExtractError::NotComponent);
    }
    split(component).map_err(|error| ExtractError::Damaged {
        offset: error.offset(),
        reason: error.message().to_owned(),
    })
}

fn split(component: &[u8]) -> Result<Vec<Section<'_>>, BinaryReaderError> {
    let mut reader = BinaryReader::new(component, 0);
    reader.read_bytes(Component::HEADER.len())?;
    let mut sections = Vec::new();
    while !reader.eof() {
        let start = reader.current_position();
        let id = reader.read_u8()?;
        let size = reader.read_var_u32()?;
        let inside = reader.original_position();
        let content = reader.read_bytes(usize::try_from(size).unwrap_or(usize::MAX))?;
        let mut data = None;
        if id == CUSTOM {
            let custom = CustomSectionReader::new(BinaryReader::new(content, inside))?;
            data = (custom.name() == SECTION).then(|| custom.data());
        }
        sections.push(Section {
            range: start..reader.current_position(),
            data,
        });
    }
    Ok(sections)
}
