use std::collections::BTreeSet;

use serde_json::Value as Json;

/// How deep settings are compared.
const DEEPEST: usize = 32;
/// Bounds that refuse more the higher they are, and the lower they are.
const LOWER: [&str; 4] = ["minimum", "minLength", "minItems", "minProperties"];
const UPPER: [&str; 4] = ["maximum", "maxLength", "maxItems", "maxProperties"];

/// Says which settings that one schema accepts another refuses, as far as that can be told from how
/// settings are usually described: by types, properties, values and bounds. What is described by
/// alternatives is not compared.
pub fn refused_since(before: &Json, now: &Json) -> Vec<String> {
    let mut found = Vec::new();
    let roots = (before, now);
    compare(before, now, roots, "", DEEPEST, &mut found);
    found
}

fn compare(
    before: &Json,
    now: &Json,
    roots: (&Json, &Json),
    path: &str,
    deeper: usize,
    found: &mut Vec<String>,
) {
    let Some(deeper) = deeper.checked_sub(1) else {
        return;
    };
    let (before, now) = (pointed(before, roots.0), pointed(now, roots.1));
    if before == now && roots.0 == roots.1 {
        return;
    }
    let name = if path.is_empty() {
        "all of the settings".to_owned()
    } else {
        format!("`{path}`")
    };
    let (types, types_now) = (types(before), types(now));
    if let (Some(types), Some(types_now)) = (&types, &types_now) {
        let accepts = |kind: &String| {
            types_now.contains(kind) || kind == "integer" && types_now.contains("number")
        };
        let gone = types.iter().filter(|kind| !accepts(kind));
        let gone: Vec<&str> = gone.map(String::as_str).collect();
        if !gone.is_empty() {
            found.push(format!("{name} may be {} no more", gone.join(" or ")));
            return;
        }
    }
    values(before, now, &name, found);
    for (keys, is_tighter) in [
        (LOWER, (|before, now| now > before) as fn(f64, f64) -> bool),
        (UPPER, |before, now| now < before),
    ] {
        for key in keys {
            let bound = |schema: &Json| schema.get(key).and_then(Json::as_f64);
            match (bound(before), bound(now)) {
                (Some(before), Some(now)) if is_tighter(before, now) => {
                    found.push(format!("{name} had {key} {before} and has {now}"));
                }
                (None, Some(now)) if !(key.starts_with("min") && now <= 0.0) => {
                    found.push(format!("{name} has {key} {now}"));
                }
                _ => {}
            }
        }
    }
    let inner = |key: &str| {
        if path.is_empty() {
            key.to_owned()
        } else {
            format!("{path}.{key}")
        }
    };
    let required = names(now, "required");
    let was_required = names(before, "required");
    for key in required.difference(&was_required) {
        found.push(format!("`{}` must be given", inner(key)));
    }
    let properties = |schema| object(schema, "properties");
    for (key, schema) in properties(before).into_iter().flatten() {
        match properties(now).and_then(|now| now.get(key)) {
            Some(now) => compare(schema, now, roots, &inner(key), deeper, found),
            None if now.get("additionalProperties") == Some(&Json::Bool(false)) => {
                found.push(format!("`{}` is not known any more", inner(key)));
            }
            None => {}
        }
    }
    for (key, sign) in [("items", "[]"), ("additionalProperties", ".*")] {
        if let (Some(before), Some(now)) = (before.get(key), now.get(key))
            && before.is_object()
        {
            let path = format!("{path}{sign}");
            if now == &Json::Bool(false) {
                found.push(format!("`{path}` is not known any more"));
            } else {
                compare(before, now, roots, &path, deeper, found);
            }
        }
    }
}

fn values(before: &Json, now: &Json, name: &str, found: &mut Vec<String>) {
    let accepted = |schema: &Json| -> Option<Vec<Json>> {
        let one = schema.get("const").map(|value| vec![value.clone()]);
        one.or_else(|| schema.get("enum")?.as_array().cloned())
    };
    match (accepted(before), accepted(now)) {
        (Some(before), Some(now)) => {
            for value in before.iter().filter(|value| !now.contains(value)) {
                found.push(format!("{name} may be {value} no more"));
            }
        }
        (None, Some(now)) => {
            let now: Vec<String> = now.iter().map(ToString::to_string).collect();
            found.push(format!("{name} may only be {}", now.join(" or ")));
        }
        _ => {}
    }
    if let Some(pattern) = now.get("pattern")
        && before.get("pattern") != Some(pattern)
    {
        found.push(format!("{name} must match {pattern}"));
    }
}

/// Follows a name to what stands under it in the same document.
fn pointed<'a>(schema: &'a Json, root: &'a Json) -> &'a Json {
    let mut schema = schema;
    for _ in 0..DEEPEST {
        let Some(target) = schema.get("$ref").and_then(Json::as_str) else {
            break;
        };
        match target.strip_prefix('#').and_then(|to| root.pointer(to)) {
            Some(found) => schema = found,
            None => break,
        }
    }
    schema
}

fn types(schema: &Json) -> Option<BTreeSet<String>> {
    match schema.get("type")? {
        Json::String(kind) => Some([kind.clone()].into()),
        Json::Array(kinds) => Some(
            kinds
                .iter()
                .filter_map(Json::as_str)
                .map(str::to_owned)
                .collect(),
        ),
        _ => None,
    }
}

fn names(schema: &Json, key: &str) -> BTreeSet<String> {
    let names = schema.get(key).and_then(Json::as_array);
    let names = names.into_iter().flatten().filter_map(Json::as_str);
    names.map(str::to_owned).collect()
}

fn object<'a>(schema: &'a Json, key: &str) -> Option<&'a serde_json::Map<String, Json>> {
    schema.get(key).and_then(Json::as_object)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn settings(heap: &Json) -> Json {
        json!({
            "type": "object",
            "properties": { "heap": heap, "old": { "type": "string" } },
            "required": ["heap"],
            "additionalProperties": false,
        })
    }

    #[test]
    fn what_accepts_more_breaks_nobody() {
        let before = settings(&json!({ "type": "integer", "minimum": 5, "maximum": 9 }));
        let mut now = settings(&json!({ "type": ["number", "null"], "minimum": 1 }));
        now["properties"]["new"] = json!({ "type": "string" });
        now["required"] = json!([]);
        assert_eq!(refused_since(&before, &now), [""; 0]);
        assert_eq!(refused_since(&before, &before), [""; 0]);
    }

    #[test]
    fn names_each_setting_that_is_refused_now() {
        let before = settings(&json!({ "type": "integer", "minimum": 5 }));
        for (heap, wanted) in [
            (json!({ "type": "string" }), "`heap` may be integer no more"),
            (
                json!({ "type": "integer", "minimum": 6 }),
                "`heap` had minimum 5 and has 6",
            ),
            (
                json!({ "type": "integer", "minimum": 5, "maximum": 9 }),
                "`heap` has maximum 9",
            ),
            (
                json!({ "type": "integer", "minimum": 5, "enum": [5, 6] }),
                "`heap` may only be 5 or 6",
            ),
        ] {
            assert_eq!(refused_since(&before, &settings(&heap)), [wanted]);
        }
        let mut now = before.clone();
        now["required"] = json!(["heap", "old"]);
        assert_eq!(refused_since(&before, &now), ["`old` must be given"]);
        let mut now = before.clone();
        if let Some(properties) = now["properties"].as_object_mut() {
            properties.remove("old");
        }
        assert_eq!(
            refused_since(&before, &now),
            ["`old` is not known any more"]
        );
    }

    #[test]
    fn looks_through_names_and_into_lists() {
        let schema = |values: Json| {
            json!({
                "properties": { "pools": { "type": "array", "items": { "$ref": "#/$defs/pool" } } },
                "$defs": { "pool": { "properties": { "kind": { "enum": values } } } },
            })
        };
        let (before, now) = (schema(json!(["a", "b"])), schema(json!(["a"])));
        let found = refused_since(&before, &now);
        assert_eq!(found, ["`pools[].kind` may be \"b\" no more"]);
    }
}
