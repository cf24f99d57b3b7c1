//! How types become JSON Schemas: of draft 2020-12, and of what is written, where a field
//! that may be `null` is there all the same.

use schemars::Schema;
use schemars::generate::{SchemaGenerator, SchemaSettings};
use schemars::transform::RecursiveTransform;

/// A generator whose definitions stand at `definitions`, a JSON pointer, and whose integers
/// have the format `integers`, if any.
pub(crate) fn generator(
    definitions: &'static str,
    integers: Option<&'static str>,
) -> SchemaGenerator {
    SchemaSettings::draft2020_12()
        .for_serialize()
        .with(|settings| settings.definitions_path = definitions.into())
        .with_transform(RecursiveTransform(move |schema: &mut Schema| {
            number_format(schema, integers);
        }))
        .into_generator()
}

/// Replaces the names that Rust has for its numbers: JSON Schema knows no such format, and
/// strict validators refuse what they do not know.
fn number_format(schema: &mut Schema, integers: Option<&'static str>) {
    let format = schema.get("format").and_then(|format| format.as_str());
    let is_integer = match format {
        Some("float" | "double") => false,
        Some(name) if name.starts_with("int") || name.starts_with("uint") => true,
        _ => return,
    };
    schema.remove("format");
    if let Some(name) = integers.filter(|_| is_integer) {
        schema.insert("format".to_owned(), name.into());
    }
}
