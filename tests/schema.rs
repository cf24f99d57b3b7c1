//! The schemas that are published are those of the types.

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
