//! A Hugging Face folder: `config.json` has the labels, `preprocessor_config.json` or
//! `processor_config.json` the way of the picture. What these leave out, the processor's
//! class in transformers decides.

mod class;
mod geometry;
mod processor;
mod settings;

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{CONFIG, config_folder, read_json};
use crate::error::{Error, Result};
use crate::model::facts::{Fact, Facts, fact};
use crate::model::manifest::OutputKind;
use processor::Processor;
use settings::Settings;

/// One file for all processors of a model, as newer folders have it.
const PROCESSORS: &str = "processor_config.json";
/// The picture's processor alone.
const PROCESSOR: &str = "preprocessor_config.json";
/// All that a folder says of its model.
#[cfg(feature = "hub")]
pub(in crate::model) const CONFIGS: [&str; 3] = [CONFIG, PROCESSOR, PROCESSORS];

/// What the model of a folder is called, the preferred name first.
pub(in crate::model) const MODELS: [&str; 2] = ["model.onnx", "onnx/model.onnx"];

/// The model file of a folder.
///
/// # Errors
/// There is none.
pub(crate) fn model_file(folder: &Path) -> Result<PathBuf> {
    MODELS
        .iter()
        .map(|name| folder.join(name))
        .find(|path| path.is_file())
        .ok_or_else(|| {
            Error::model(
                folder.display().to_string(),
                format!("a folder without {}", MODELS.join(" or ")),
            )
            .with_remedy("name the model file itself")
        })
}

/// The facts in the folder of `model`, or the one above a folder called `onnx`.
///
/// # Errors
/// A file that is not JSON, a head that does not classify, or a processor that makes no
/// picture's tensor.
pub(crate) fn facts(model: &Path) -> Result<Facts> {
    let folder = config_folder(model);
    let place = folder.join(CONFIG);
    let config = read_json(&place)?.unwrap_or(Value::Null);
    refuse_regression(&place, &config)?;
    let model_type = config.get("model_type").and_then(Value::as_str);
    let mut facts = match processor_config(folder)? {
        Some((origin, config)) => Processor(Settings::new(&config, origin, model_type))
            .facts(&folder.join(origin).display().to_string())?,
        None => Facts::default(),
    };
    match config.get("id2label").map(id2label) {
        Some(Some(labels)) => facts.labels = fact(labels, "config.json id2label"),
        Some(None) => facts.open.push((
            "labels",
            "config.json's id2label does not number names from 0 upwards".into(),
        )),
        None => {}
    }
    Ok(facts)
}

/// What the configuration adds to the kind that the `graph` tells: labels that are
/// independent of one another, or what classifiers of transformers and timm give where the
/// graph tells nothing.
///
/// # Errors
/// `config.json` is not JSON.
pub(crate) fn output_kind(
    model: &Path,
    graph: Option<OutputKind>,
) -> Result<Option<Fact<OutputKind>>> {
    let config = read_json(&config_folder(model).join(CONFIG))?.unwrap_or(Value::Null);
    let problem = config.get("problem_type").and_then(Value::as_str);
    let has = |keys: &[&str]| keys.iter().any(|key| config.get(*key).is_some());
    let is_classifier = match config.get("architectures").and_then(Value::as_array) {
        Some(names) => names
            .iter()
            .filter_map(Value::as_str)
            .any(|name| name.contains("ForImageClassification")),
        None => has(&["model_type", "id2label", "pretrained_cfg", "architecture"]),
    };
    Ok(
        match graph.or(is_classifier.then_some(OutputKind::Logits)) {
            Some(OutputKind::Logits) if problem == Some("multi_label_classification") => {
                fact(OutputKind::SigmoidLogits, "config.json problem_type")
            }
            Some(kind) if graph.is_none() => fact(
                kind,
                "config.json: classifiers of transformers and timm give logits",
            ),
            _ => None,
        },
    )
}

/// The processor's configuration and the file that it stands in. Where both are there,
/// transformers prefers that of all processors.
fn processor_config(folder: &Path) -> Result<Option<(&'static str, Value)>> {
    let nested = read_json(&folder.join(PROCESSORS))?;
    let nested = nested.and_then(|config| config.get("image_processor").cloned());
    match nested.filter(Value::is_object) {
        Some(config) => Ok(Some((PROCESSORS, config))),
        None => Ok(read_json(&folder.join(PROCESSOR))?.map(|config| (PROCESSOR, config))),
    }
}

/// A regression's outputs are values of their own, and no softmax makes scores of them.
/// transformers trains a head with one label as a regression, unless told otherwise.
fn refuse_regression(place: &Path, config: &Value) -> Result<()> {
    let problem = config.get("problem_type").and_then(Value::as_str);
    let labels = config.get("id2label").and_then(Value::as_object);
    let one = labels.is_some_and(|labels| labels.len() == 1);
    let what = match problem {
        Some("regression") => "problem_type is regression",
        None if one => "one label and no problem_type, which transformers takes for a regression",
        _ => return Ok(()),
    };
    Err(Error::model(place.display().to_string(), what)
        .with_expected("a classifier")
        .with_remedy("export a classifier, or correct problem_type if it is one"))
}

fn id2label(map: &Value) -> Option<Vec<String>> {
    let map = map.as_object()?;
    (0..map.len())
        .map(|i| map.get(&i.to_string())?.as_str().map(String::from))
        .collect()
}
