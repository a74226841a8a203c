//! What was embedded comes out again; what nobody vouches for is refused with a reason.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot set up its case has failed"
)]

use std::collections::BTreeMap;

use cellhost_manifest::{
    Embedded, ExtractError, LARGEST_SECTION, LARGEST_TEMPLATE, Manifest, SECTION, embed, extract,
};
use proptest::prelude::*;
use serde_json::{Value, json};
use wasm_encoder::{Component, CustomSection, Module, ModuleSection, NestedComponentSection};

fn embedded() -> Embedded {
    let manifest = Manifest::parse("module.toml", include_str!("redis-cluster.toml")).unwrap();
    let schema = json!({ "type": "object", "properties": { "port": { "default": 0.1 } } });
    let templates = BTreeMap::from([("etc/redis.conf".to_owned(), "port {{ port }}\n".to_owned())]);
    Embedded::new(manifest, Some(schema), templates)
}

/// A component with a core module and a foreign custom section inside.
fn component() -> Component {
    let mut component = Component::new();
    component.section(&ModuleSection(&Module::new()));
    component.section(&CustomSection {
        name: "producers".into(),
        data: b"someone"[..].into(),
    });
    component
}

fn with_section(data: &[u8]) -> Vec<u8> {
    let mut component = component();
    component.section(&CustomSection {
        name: SECTION.into(),
        data: data.into(),
    });
    component.finish()
}

fn with_json(change: impl FnOnce(&mut Value)) -> Result<Embedded, ExtractError> {
    let mut json = serde_json::to_value(embedded()).unwrap();
    change(&mut json);
    extract(&with_section(&serde_json::to_vec(&json).unwrap()))
}

fn problems(change: impl FnOnce(&mut Value)) -> Vec<String> {
    match with_json(change) {
        Err(ExtractError::Invalid { problems }) => problems,
        other => vec![format!("{other:?}")],
    }
}

#[test]
fn extracts_what_was_embedded() {
    let bytes = embed(component().as_slice(), &embedded()).unwrap();
    assert_eq!(extract(&bytes).unwrap(), embedded());
    assert!(bytes.starts_with(component().as_slice()));
}

#[test]
fn embeds_the_same_bytes_every_time() {
    let once = embed(component().as_slice(), &embedded()).unwrap();
    assert_eq!(embed(component().as_slice(), &embedded()).unwrap(), once);
    assert_eq!(embed(&once, &embedded()).unwrap(), once);
}

#[test]
fn writes_json_with_sorted_keys_and_no_spaces() {
    let bytes = embed(component().as_slice(), &embedded()).unwrap();
    let text = String::from_utf8_lossy(&bytes);
    let json = text.split_once(SECTION).unwrap().1;
    assert!(
        json.starts_with(r#"{"format":1,"manifest":{"asks":[{"become":false,"#),
        "{json}"
    );
    assert!(
        json.ends_with(r#""templates":{"etc/redis.conf":"port {{ port }}\n"}}"#),
        "{json}"
    );
}

#[test]
fn replaces_every_section_that_is_there() {
    let mut component = component();
    for _ in 0..2 {
        component.section(&CustomSection {
            name: SECTION.into(),
            data: b"old"[..].into(),
        });
    }
    let bytes = embed(component.as_slice(), &embedded()).unwrap();
    assert_eq!(extract(&bytes).unwrap(), embedded());
}

#[test]
fn refuses_what_is_not_a_component() {
    for bytes in [&b""[..], b"\0asm", b"#!/bin/sh\n", &[0; 64]] {
        assert!(
            matches!(extract(bytes), Err(ExtractError::NotComponent)),
            "{bytes:?}"
        );
        assert!(matches!(
            embed(bytes, &embedded()),
            Err(ExtractError::NotComponent)
        ));
    }
    assert!(matches!(
        extract(&Module::new().finish()),
        Err(ExtractError::CoreModule)
    ));
}

#[test]
fn refuses_a_component_without_the_section_or_with_two() {
    let none = extract(component().as_slice());
    assert!(matches!(none, Err(ExtractError::NoSection)));
    let mut two = component();
    let data = serde_json::to_vec(&embedded()).unwrap();
    for _ in 0..2 {
        two.section(&CustomSection {
            name: SECTION.into(),
            data: data.as_slice().into(),
        });
    }
    assert!(matches!(
        extract(two.as_slice()),
        Err(ExtractError::SeveralSections)
    ));
}

#[test]
fn does_not_listen_to_what_is_nested_inside() {
    let inner = embed(component().as_slice(), &embedded()).unwrap();
    let mut nested = Component::new();
    nested.section(&CustomSection {
        name: SECTION.into(),
        data: inner.as_slice().into(),
    });
    let mut outer = component();
    outer.section(&NestedComponentSection(&nested));
    assert!(matches!(
        extract(outer.as_slice()),
        Err(ExtractError::NoSection)
    ));
}

#[test]
fn refuses_a_component_that_breaks_off() {
    let bytes = embed(component().as_slice(), &embedded()).unwrap();
    let broken = extract(&bytes[..bytes.len() - 1]);
    assert!(
        matches!(broken, Err(ExtractError::Damaged { .. })),
        "{broken:?}"
    );
}

#[test]
fn refuses_a_section_that_is_too_large_or_no_json() {
    let large = extract(&with_section(&vec![b' '; LARGEST_SECTION + 1]));
    assert!(matches!(large, Err(ExtractError::TooLarge { .. })));
    for data in [
        &b""[..],
        b"{",
        b"{\"format\":1",
        b"\xff",
        "[".repeat(10_000).as_bytes(),
    ] {
        assert!(matches!(
            extract(&with_section(data)),
            Err(ExtractError::BadJson { .. })
        ));
    }
}

#[test]
fn looks_at_the_format_before_anything_else() {
    let newer = with_json(|json| *json = json!({ "format": 2, "anything": [] }));
    assert!(matches!(
        newer,
        Err(ExtractError::UnknownFormat { format: 2 })
    ));
    for wrong in [
        json!([]),
        json!({}),
        json!({ "format": "1" }),
        json!({ "format": -1 }),
    ] {
        assert_eq!(
            problems(|json| *json = wrong),
            ["`format` is missing or not a number"]
        );
    }
}

#[test]
fn checks_an_embedded_manifest_as_one_from_a_file() {
    let found = problems(|json| {
        json["manifest"]["name"] = json!("../x");
        json["manifest"]["version"] = json!("1");
        json["manifest"]["asks"][0]["paths"] = json!(["/etc/../root"]);
        json["manifest"]["extra"] = json!(null);
        json["manifest"]["license"] = json!(null);
    });
    let expected = [
        "`manifest.asks[0].paths[0]`: `/etc/../root` is not a plain absolute path",
        "`manifest.name`: `../x` is not a module name",
        "`manifest.version`: `1` is not a version",
        "`manifest.license`: `license` must be a string, not null",
        "`manifest.extra`: unknown key `extra` in `manifest`",
    ];
    for one in expected {
        assert!(found.contains(&one.to_owned()), "{one}\n{found:#?}");
    }
    assert_eq!(found.len(), expected.len());
}

#[test]
fn refuses_a_schema_that_is_none() {
    assert_eq!(
        problems(|json| json["schema"] = json!("object")),
        ["`schema`: `schema` must be a JSON schema, not a string"]
    );
    assert_eq!(
        with_json(|json| json["schema"] = json!(null))
            .unwrap()
            .schema,
        None
    );
}

#[test]
fn refuses_templates_that_leave_their_folder_or_are_too_many_or_too_large() {
    let outside = problems(|json| json["templates"] = json!({ "../x": "", "a": 1 }));
    assert_eq!(outside.len(), 2, "{outside:?}");
    let many: BTreeMap<String, &str> = (0..257).map(|number| (number.to_string(), "")).collect();
    let many = problems(|json| json["templates"] = json!(many));
    assert_eq!(many, ["`templates`: there are more than 256 templates"]);
    let large = problems(|json| json["templates"]["a"] = "x".repeat(LARGEST_TEMPLATE + 1).into());
    assert_eq!(large.len(), 1, "{large:?}");
}

#[test]
fn embeds_nothing_it_would_refuse_to_extract() {
    let mut wrong = embedded();
    wrong.templates.insert("../x".into(), String::new());
    let refused = embed(component().as_slice(), &wrong);
    assert!(matches!(refused, Err(ExtractError::Invalid { .. })));
}

#[test]
fn spells_out_what_a_hostile_section_would_do_to_a_terminal() {
    let found = problems(|json| {
        json["manifest"]["\u{1b}[2J"] = json!(1);
        json["manifest"]["phase"] = json!("\u{1b}[2J");
        json["manifest"]["x".repeat(10_000)] = json!(1);
    });
    assert_eq!(found.len(), 3);
    assert!(
        found
            .iter()
            .all(|one| one.len() <= 300 && !one.contains('\u{1b}')),
        "{found:?}"
    );
}

#[test]
fn lists_no_more_than_twenty_problems_of_a_hostile_section() {
    let found = problems(|json| {
        for number in 0..1000 {
            json["manifest"][format!("key{number}")] = json!(1);
        }
    });
    assert_eq!(found.len(), 21);
    assert_eq!(found.last().unwrap(), "and 980 more");
}

proptest! {
    #[test]
    fn any_bytes_are_answered(bytes in any::<Vec<u8>>()) {
        let headed = [&Component::HEADER[..], &bytes].concat();
        prop_assert!(extract(&bytes).is_err());
        prop_assert!(extract(&headed).is_err());
        prop_assert!(extract(&with_section(&bytes)).is_err());
    }

    #[test]
    fn a_damaged_module_is_answered(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = embed(component().as_slice(), &embedded()).unwrap();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let _ = extract(&bytes);
    }

    #[test]
    fn any_text_is_a_manifest_or_is_answered(text in any::<String>()) {
        prop_assert!(Manifest::parse("module.toml", &text).is_err());
    }
}
