//! Naming the culprit when a proof fails: the usual mistakes are tried one by one, and
//! the first that makes the proof pass is named. When none does, what is left is said.

use std::sync::Arc;

use super::{difference, pipeline, replay};
use crate::engine::EngineMaker;
use crate::error::Result;
use crate::model::Model;
use crate::model::manifest::{Color, Filter, Manifest, OutputKind, Proof};
use crate::pipeline::score::best;

/// A mistake and how it is undone.
type Hypothesis = (String, Box<dyn Fn(&mut Manifest)>);

/// What to suspect, given how far off the proof is.
pub fn name(
    model: &Arc<Model>,
    engines: &EngineMaker,
    proof: &Proof,
    off_by: f32,
) -> Result<String> {
    if off_by <= proof.tolerance {
        return Ok(
            "the labels: the probabilities are right, but labels have changed places".into(),
        );
    }
    for (suspect, undo) in hypotheses(&model.manifest) {
        let mut changed = Model::clone(model);
        undo(&mut changed.manifest);
        let mut pipeline = pipeline(&changed, engines.make(1)?)?;
        let scores = replay(&mut pipeline, proof)?;
        let off_by = proof
            .cases
            .iter()
            .zip(&scores)
            .map(|(c, s)| difference(s, &c.probabilities))
            .fold(0.0, f32::max);
        if off_by <= proof.tolerance {
            return Ok(format!("{suspect}: with that changed, the proof passes"));
        }
    }
    let mut pipeline = pipeline(model, engines.make(1)?)?;
    let scores = replay(&mut pipeline, proof)?;
    let same_best = proof
        .cases
        .iter()
        .zip(&scores)
        .all(|(c, s)| best(s).index == best(&c.probabilities).index);
    Ok(if same_best {
        "output.temperature, or an engine or precision of its own arithmetic: the best labels are right, their scores are not".into()
    } else {
        "preprocess.mean, std, rescale or the network's weights: no usual mistake alone explains it"
            .into()
    })
}

/// The usual mistakes, the likeliest first.
fn hypotheses(manifest: &Manifest) -> Vec<Hypothesis> {
    let mut list: Vec<Hypothesis> = Vec::new();
    let color = manifest.input.color;
    if color != Color::Gray {
        let other = if color == Color::Rgb {
            Color::Bgr
        } else {
            Color::Rgb
        };
        list.push((
            format!("input.color, it should be {other:?}")
                .replace("Rgb", "RGB")
                .replace("Bgr", "BGR"),
            Box::new(move |m| m.input.color = other),
        ));
        list.push((
            "the order of the channels in preprocess.mean and std (RGB against BGR)".into(),
            Box::new(|m| {
                m.preprocess.mean.reverse();
                m.preprocess.std.reverse();
            }),
        ));
    }
    for (name, mean, std) in [
        ("0 and 1 (values from 0 to 1)", [0.0; 3], [1.0; 3]),
        ("0.5 and 0.5 (values from -1 to 1)", [0.5; 3], [0.5; 3]),
        ("ImageNet's", [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
    ] {
        list.push((
            format!("preprocess.mean and std, they should be {name}"),
            Box::new(move |m| {
                let channels = m.input.color.channels();
                m.preprocess.rescale = 1.0 / 255.0;
                m.preprocess.mean = mean[..channels].to_vec();
                m.preprocess.std = std[..channels].to_vec();
            }),
        ));
    }
    for channel in 0..manifest.preprocess.mean.len() {
        list.push((
            format!("the sign of preprocess.mean[{channel}]"),
            Box::new(move |m| m.preprocess.mean[channel] = -m.preprocess.mean[channel]),
        ));
    }
    for filter in [
        Filter::Bilinear,
        Filter::Bicubic,
        Filter::Nearest,
        Filter::Box,
        Filter::Lanczos,
    ] {
        let name = format!("{filter:?}").to_lowercase();
        list.push((
            format!("preprocess.filter, it should be {name}"),
            Box::new(move |m| m.preprocess.filter = filter),
        ));
    }
    list.push((
        "preprocess.antialias".into(),
        Box::new(|m| m.preprocess.antialias = !m.preprocess.antialias),
    ));
    list.push((
        "output.temperature, it should be 1".into(),
        Box::new(|m| m.output.temperature = 1.0),
    ));
    for kind in [
        OutputKind::Logits,
        OutputKind::Probabilities,
        OutputKind::LogProbabilities,
    ] {
        let name = format!("{kind:?}");
        list.push((
            format!("output.kind, it should be {name}"),
            Box::new(move |m| m.output.kind = kind),
        ));
    }
    list
}
