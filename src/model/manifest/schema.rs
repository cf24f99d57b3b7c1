//! The manifest's JSON Schema, for those who write manifests with other tools.

use serde_json::Value;

use super::Manifest;
use crate::schema::generator;

/// The manifest as JSON Schema of draft 2020-12. What contradicts itself in other ways,
/// [`Manifest::from_json`] finds.
pub fn schema() -> Value {
    generator("/$defs", None)
        .into_root_schema_for::<Manifest>()
        .into()
}
