//! The schemas that are published are those of the types, and hang together.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::{ocelli, root, scratch, stderr};

#[test]
fn the_manifests_schema_in_the_documents_is_what_the_types_give() {
    let folder = scratch("schemas");
    let made = ocelli(["generate", &folder.display().to_string()]);
    assert!(made.status.success(), "{}", stderr(&made));
    let name = "manifest.schema.json";
    let types = std::fs::read_to_string(folder.join(name)).unwrap();
    let published = std::fs::read_to_string(root().join("docs").join(name)).unwrap_or_default();
    assert!(
        published == types,
        "docs/{name} is not what the types give; `ocelli generate DIR` writes DIR/{name} anew"
    );
}

#[test]
fn whatever_the_apis_description_refers_to_is_there_and_nothing_is_there_for_nobody() {
    let description: Value = serde_json::from_str(ocelli::serve::api_description()).unwrap();
    let mut named = BTreeSet::new();
    references(&description, &mut named);
    for pointer in &named {
        assert!(description.pointer(pointer).is_some(), "no {pointer}");
    }
    let schemas = description["components"]["schemas"].as_object().unwrap();
    let told = |name: &String| {
        // Events are told of in words.
        let pointer = format!("/components/schemas/{name}");
        named.contains(&pointer) || name == "LiveState"
    };
    let unused: Vec<&String> = schemas.keys().filter(|name| !told(name)).collect();
    assert!(unused.is_empty(), "nothing refers to {unused:?}");
    // A second type of one name would be called so.
    let twice = schemas.keys().find(|name| name.ends_with('2'));
    assert_eq!(twice, None);
}

/// Where every `$ref` of the document points.
fn references(value: &Value, named: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            if let Some(Value::String(target)) = object.get("$ref") {
                named.insert(target.trim_start_matches('#').to_owned());
            }
            object.values().for_each(|inner| references(inner, named));
        }
        Value::Array(items) => items.iter().for_each(|inner| references(inner, named)),
        _ => {}
    }
}
