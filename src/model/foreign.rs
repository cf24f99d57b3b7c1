//! What other tools write about their models, read by their own rules.

#[cfg(feature = "hub")]
pub(super) mod companions;
mod cursor;
pub(super) mod huggingface;
pub(super) mod image_metadata;
pub(super) mod labels;
pub(super) mod properties;
pub(super) mod python;
mod quoted;
pub(super) mod snapshot;
pub(super) mod timm;
pub(super) mod tree;
pub(super) mod ultralytics;

use std::path::Path;

use serde_json::Value;

use crate::error::{Error, Result};

/// The configuration of transformers and of timm.
const CONFIG: &str = "config.json";

/// Where files about `model` are looked for: beside it, and above a folder called `onnx`.
fn folders(model: &Path) -> impl Iterator<Item = &Path> {
    let folder = model.parent().unwrap_or(Path::new("."));
    let above = folder.parent().filter(|_| folder.ends_with("onnx"));
    std::iter::once(folder).chain(above)
}

/// The nearest of these folders that has a configuration; without one, the outermost, where
/// the processor's may still be.
fn config_folder(model: &Path) -> &Path {
    let has_config = |folder: &&Path| folder.join(CONFIG).exists();
    let found = folders(model).find(has_config).or(folders(model).last());
    found.unwrap_or(Path::new("."))
}

/// Reads a JSON file, `None` where there is none.
fn read_json(path: &Path) -> Result<Option<Value>> {
    let place = path.display().to_string();
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(Error::model(place, "cannot be read").caused_by(e)),
    };
    serde_json::from_str(&text).map(Some).map_err(|e| {
        Error::model(place, "is not JSON")
            .caused_by(e)
            .with_remedy("mend or remove the file")
    })
}

/// A JSON array of numbers.
fn numbers(value: &Value) -> Option<Vec<f64>> {
    value.as_array()?.iter().map(Value::as_f64).collect()
}

/// A JSON number of pixels.
fn pixels(value: &Value) -> Option<usize> {
    value.as_u64().and_then(|n| usize::try_from(n).ok())
}
