//! Class names in the ONNX metadata, under the keys that exporters and their users are wont
//! to write them: as a list or a dict of JSON or Python, a name per line, or with commas.

use super::labels;
use crate::model::facts::{Fact, fact};
use crate::model::onnx::ModelProto;

/// RapidOCR and Paddle call them `character`, Hugging Face `id2label`.
const KEYS: [&str; 9] = [
    "labels",
    "classes",
    "class_names",
    "classnames",
    "class_labels",
    "label_names",
    "names",
    "id2label",
    "character",
];

/// The names under the first key that has some for this number of `classes`; other lists
/// are said to be left out.
pub(crate) fn labels(model: &ModelProto, classes: Option<usize>) -> Option<Fact<Vec<String>>> {
    for key in KEYS {
        let Some(text) = model.metadata(key) else {
            continue;
        };
        let origin = format!("metadata `{key}`");
        match parse(text) {
            Some(names) if classes.is_none_or(|classes| names.len() == classes) => {
                return fact(names, &origin);
            }
            Some(names) => log::warn!(
                "{origin} is no list of the labels: it has {} entries for {} classes",
                names.len(),
                classes.unwrap_or_default()
            ),
            None => log::warn!("{origin} is no list of labels that can be read: {text:.60}"),
        }
    }
    None
}

fn parse(text: &str) -> Option<Vec<String>> {
    let text = text.trim();
    let names: Vec<String> = if text.starts_with(['[', '{', '(']) || text.contains('\n') {
        labels::parse(text.as_bytes(), "").ok()?.names
    } else {
        text.split(',').map(|name| name.trim().into()).collect()
    };
    (names.len() > 1 && names.iter().all(|name| !name.is_empty())).then_some(names)
}
