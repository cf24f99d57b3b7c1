//! All that is said about a model, gathered: who says what, and who is believed.

use std::path::Path;

use super::facts::{Fact, Facts, TrainerSections, fact};
use super::foreign::{
    huggingface, image_metadata, labels, properties, snapshot, timm, ultralytics,
};
use super::like::Like;
use super::manifest::{KEY, Manifest};
use super::onnx::ModelProto;
use super::{Overrides, graph, kind, label_sets, outputs};
use crate::error::Result;

/// What is known, whether or not that is enough to use the model.
pub(crate) struct Gathered {
    /// With their origins.
    pub facts: Facts,
    /// What only the trainer says.
    pub trainer: TrainerSections,
    /// Numbers that the network gives for a picture, where the graph fixes it.
    pub classes: Option<usize>,
}

/// All facts, the strongest first: those given; a recipe that is named; our own manifest;
/// Ultralytics; Hugging Face; timm; `Image.*` keys; the graph itself. Labels may also be in
/// other metadata, or beside, or the recipe's.
pub(super) fn gather(path: &Path, proto: &ModelProto, overrides: Overrides) -> Result<Gathered> {
    let place = path.display().to_string();
    let mut given = overrides.facts;
    let (known, trainer) = match proto.metadata(KEY) {
        Some(json) => {
            Facts::from_manifest(Manifest::from_json(&place, json)?, "manifest in the file")
        }
        None => (foreign_facts(path, proto)?, TrainerSections::default()),
    };
    let name_of = |a: &Option<Fact<String>>, b: &Option<Fact<String>>| {
        a.as_ref().or(b.as_ref()).map(|f| f.value.clone())
    };
    let input = name_of(&given.tensor, &known.tensor);
    let output = name_of(&given.output, &known.output);
    let mut graph = graph::facts(&place, proto, input.as_deref(), output.as_deref())?;
    if given.kind.is_none() && known.kind.is_none() {
        let told = graph.kind.as_ref().map(|kind| kind.value);
        graph.kind = huggingface::output_kind(path, told)?.or(graph.kind);
    }
    // A map of scores is named, its tensor is meant.
    if let (Some(meant), Some(named)) = (&graph.output, &mut given.output) {
        named.value.clone_from(&meant.value);
    }
    let scores = outputs::scores(&place, proto, output.as_deref())?.map(|fact| fact.value);
    let classes = scores.as_ref().and_then(outputs::classes);
    if let Some(file) = &overrides.labels {
        let labels = fitting(label_sets::read(&file.value)?, classes);
        given.labels = fact(labels, &file.origin);
    }
    let like = overrides.like.map(|name| {
        let said = [&given, &known, &graph];
        Like::new(&name, said, overrides.fit.is_some(), classes)
    });
    let like = like.transpose()?.unwrap_or_default();
    let temperature = given.temperature.as_ref().map(|given| given.value);
    let mut facts = given.or(like.preparation).or(known);
    // One that is given is that of every label.
    if let (Some(temperature), Some(each)) = (temperature, &mut facts.independent) {
        each.value.temperatures.fill(temperature);
    }
    if facts.labels.is_none() {
        let output = scores.as_ref().map(|port| &port.name[..]);
        facts.labels = own_labels(path, proto, output, classes)?;
    }
    let mut facts = facts
        .or(like.labels)
        .or(graph)
        .or(snapshot::facts(path))
        .or(named_by(path));
    kind::settle(&mut facts, classes);
    if let (Some(fit), Some(size)) = (overrides.fit, &facts.size) {
        facts.resize = fact(fit.value.to(size.value), &fit.origin);
    }
    Ok(Gathered {
        facts: facts.with_consequences(),
        trainer,
        classes,
    })
}

/// The file's name, for a model that has none.
fn named_by(path: &Path) -> Facts {
    let stem = path
        .file_stem()
        .map_or("model".into(), |s| s.to_string_lossy().into_owned());
    Facts {
        name: fact(stem, "file name"),
        ..Facts::default()
    }
}

fn foreign_facts(path: &Path, proto: &ModelProto) -> Result<Facts> {
    let place = path.display().to_string();
    Ok(ultralytics::facts(&place, proto)?
        .or(huggingface::facts(path)?)
        .or(timm::facts(path)?)
        .or(image_metadata::facts(&place, proto)?))
}

/// The names of the classes that the network holds, or the file's metadata, or a file
/// beside it; else the numbers that the network has for them.
fn own_labels(
    path: &Path,
    proto: &ModelProto,
    scores: Option<&str>,
    classes: Option<usize>,
) -> Result<Option<Fact<Vec<String>>>> {
    let numbers = match scores.and_then(|name| proto.class_labels(name)) {
        Some((names, true)) => return Ok(Some(names)),
        Some((numbers, false)) => Some(numbers),
        None => None,
    };
    if let Some(names) = properties::labels(proto, classes) {
        return Ok(Some(names));
    }
    let Some(file) = labels::beside(path) else {
        return Ok(numbers);
    };
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    Ok(fact(fitting(labels::read(&file)?, classes), &name))
}

/// A file of 1001 ImageNet labels begins with "background" (torchvision writes
/// "__background__"); a model of 1000 classes has no score for it. Any other difference is
/// left to the check of the counts.
fn fitting(mut labels: Vec<String>, classes: Option<usize>) -> Vec<String> {
    if classes.is_some_and(|c| c + 1 == labels.len())
        && ["background", "__background__"].contains(&&labels[0].to_lowercase()[..])
    {
        let classes = labels.len() - 1;
        log::warn!(
            "the label file's first label, \"{}\", is left out: the model has {classes} classes",
            labels[0]
        );
        labels.remove(0);
    }
    labels
}
