//! Naming the culprit when a proof fails: the usual mistakes are tried one by one, and
//! the first that makes the proof pass is named. When none does, what is left is said.

use std::sync::Arc;

use super::replay::{difference, pipeline, replay};
use crate::engine::EngineMaker;
use crate::error::Result;
use crate::model::Model;
use crate::model::manifest::{Color, Filter, Manifest, OutputKind, Proof};
use crate::pipeline::best;

/// A mistake and how it is undone.
struct Hypothesis {
    /// What is to blame.
    suspect: String,
    undo: Box<dyn Fn(&mut Manifest)>,
}

impl Hypothesis {
    fn new(suspect: impl Into<String>, undo: impl Fn(&mut Manifest) + 'static) -> Self {
        Self {
            suspect: suspect.into(),
            undo: Box::new(undo),
        }
    }
}

/// What to suspect, given how far off the proof is.
pub(crate) fn name(
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
    for Hypothesis { suspect, undo } in hypotheses(&model.manifest) {
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
    let mut list = channel_order(manifest.input.color);
    list.extend(normalisation(manifest.preprocess.mean.len()));
    list.extend(resampling());
    list.extend(scores());
    list
}

fn channel_order(color: Color) -> Vec<Hypothesis> {
    let (other, name) = match color {
        Color::Gray => return Vec::new(),
        Color::Rgb => (Color::Bgr, "BGR"),
        Color::Bgr => (Color::Rgb, "RGB"),
    };
    vec![
        Hypothesis::new(format!("input.color, it should be {name}"), move |m| {
            m.input.color = other;
        }),
        Hypothesis::new(
            "the order of the channels in preprocess.mean and std (RGB against BGR)",
            |m| {
                m.preprocess.mean.reverse();
                m.preprocess.std.reverse();
            },
        ),
    ]
}

fn normalisation(channels: usize) -> impl Iterator<Item = Hypothesis> {
    let usual = [
        ("0 and 1 (values from 0 to 1)", [0.0; 3], [1.0; 3]),
        ("0.5 and 0.5 (values from -1 to 1)", [0.5; 3], [0.5; 3]),
        ("ImageNet's", [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
    ];
    let usual = usual.into_iter().map(|(name, mean, std)| {
        let suspect = format!("preprocess.mean and std, they should be {name}");
        Hypothesis::new(suspect, move |m| {
            let channels = m.input.color.channels();
            m.preprocess.rescale = 1.0 / 255.0;
            m.preprocess.mean = mean[..channels].to_vec();
            m.preprocess.std = std[..channels].to_vec();
        })
    });
    usual.chain((0..channels).map(|channel| {
        let suspect = format!("the sign of preprocess.mean[{channel}]");
        Hypothesis::new(suspect, move |m| {
            m.preprocess.mean[channel] = -m.preprocess.mean[channel];
        })
    }))
}

fn resampling() -> impl Iterator<Item = Hypothesis> {
    let filters = [
        Filter::Bilinear,
        Filter::Bicubic,
        Filter::Nearest,
        Filter::Box,
        Filter::Hamming,
        Filter::Lanczos,
    ];
    let filters = filters.into_iter().map(|filter| {
        let name = format!("{filter:?}").to_lowercase();
        let suspect = format!("preprocess.filter, it should be {name}");
        Hypothesis::new(suspect, move |m| m.preprocess.filter = filter)
    });
    filters.chain([Hypothesis::new("preprocess.antialias", |m| {
        m.preprocess.antialias = !m.preprocess.antialias;
    })])
}

fn scores() -> impl Iterator<Item = Hypothesis> {
    let temperature = Hypothesis::new("output.temperature, it should be 1", |m| {
        m.output.temperature = 1.0;
    });
    let kinds = [
        OutputKind::Logits,
        OutputKind::Probabilities,
        OutputKind::LogProbabilities,
        OutputKind::SigmoidLogits,
        OutputKind::SigmoidProbabilities,
    ];
    let kinds = kinds.into_iter().map(|kind| {
        let suspect = format!("output.kind, it should be {kind:?}");
        Hypothesis::new(suspect, move |m| m.output.kind = kind)
    });
    [temperature].into_iter().chain(kinds)
}
