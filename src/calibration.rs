//! Calibrating a model on labelled pictures that it has not learned from: the temperature that
//! makes its scores honest, and the limits beyond which it says "unknown". For models of others,
//! which know neither, and for a trainer's model at the place where it serves.

mod features;
mod limits;
mod look;
pub(crate) mod measures;
mod proof;
mod report;
pub(crate) mod temperature;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::engine::EngineOptions;
use crate::error::{Error, Result};
use crate::labelled::Labelled;
use crate::labelled::classes::{Class, found};
use crate::model::Model;
use crate::model::manifest::{Drift, Manifest, Proof, Rejection};
use crate::pipeline::capture::pictures_below;
use crate::pipeline::preprocess::Framing;
use crate::pipeline::{PipelineMaker, PipelineOptions};
use features::ClassFeatures;
use limits::Limits;
use look::{Seen, check_duplicates, look};
use measures::{best, significant, statistic};
pub use report::{Auroc, Calibration, Share};

/// Fewer pictures of a class say too little of it.
const FEWEST: usize = 10;
/// Significant digits of shares.
const DIGITS: usize = 6;
/// By how much probabilities may differ between engines, in real numbers and in 8-bit ones.
const TOLERANCES: (f32, f32) = (1e-3, 2e-2);

/// What pictures are sorted into.
const FOLDERS: &str =
    "sort at least 10 pictures of each class into folders that are called like the labels";

/// How a model is calibrated.
#[derive(Clone, Debug)]
pub struct CalibrationOptions {
    /// What runs it.
    pub engine: EngineOptions,
    /// Pictures in work at a time.
    pub workers: usize,
    /// Pictures of more pixels are refused.
    pub max_pixels: usize,
    /// Larger files are refused.
    pub max_bytes: usize,
    /// Which part of the pictures is looked at, and which way up.
    pub framing: Framing,
    /// Share of known pictures that is to stay known, 0 to 1.
    pub coverage: f64,
    /// A folder of pictures that show none of the classes, to measure how they are told.
    pub unknown: Option<PathBuf>,
}

/// How far it is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Pictures looked at.
    pub done: usize,
    /// Of so many.
    pub of: usize,
}

/// Calibrates `model` on the pictures in `folder`, a folder per class; `None` if `stop` was set.
///
/// # Errors
/// Labels are independent of one another; pictures are too few, there twice, or of classes that
/// the model does not have; the model cannot be run.
pub fn calibrate(
    model: &Model,
    folder: &Path,
    options: &CalibrationOptions,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(Progress),
) -> Result<Option<Calibration>> {
    check_model(model, options.coverage)?;
    let labelled = Labelled::below(folder, usize::MAX, FOLDERS)?;
    let labels = &model.manifest.labels;
    let classes = found(&labelled, labels, labels.len())?;
    let class_of = |folder: usize| match classes[folder] {
        Class::Label(index) | Class::Output(index) => index,
    };
    let maker = maker(model, options)?;
    let (files, truth): (Vec<PathBuf>, Vec<usize>) = labelled
        .photographs
        .iter()
        .map(|(file, folder)| (file.clone(), class_of(*folder)))
        .unzip();
    let Some(seen) = look(&maker, &files, options, stop, progress)? else {
        return Ok(None);
    };
    let failed = labelled.failed + seen.iter().filter(|seen| seen.is_none()).count();
    let (seen, truth): (Vec<Seen>, Vec<usize>) = seen
        .into_iter()
        .zip(truth)
        .filter_map(|(seen, class)| Some((seen?, class)))
        .unzip();
    check_number(&labelled.place, labels, &truth, options.coverage)?;
    check_duplicates(&labelled.place, &seen)?;
    let known = Known::new(seen, truth, labels.len(), options.coverage)?;
    let unknown = match &options.unknown {
        Some(folder) => {
            let files = pictures_below(folder)?;
            let files = files.into_iter().collect::<Result<Vec<_>>>()?;
            match look(&maker, &files, options, stop, progress)? {
                Some(seen) => Some(seen.into_iter().flatten().collect::<Vec<_>>()),
                None => return Ok(None),
            }
        }
        None => None,
    };
    let identity = maker.engines.make(1)?.identity().clone();
    let mut manifest = known.manifest(model, options)?;
    if model.manifest.proof.is_none() {
        manifest.proof = proof::widened(model, &manifest, &options.engine)?;
    }
    report::report(
        &known,
        manifest,
        model,
        unknown.as_deref(),
        identity,
        failed,
    )
    .map(Some)
}

/// What the labelled pictures tell.
struct Known {
    seen: Vec<(Seen, usize)>,
    temperature: f64,
    /// Best score of each picture at that temperature, and whether it is right.
    answers: Vec<(f64, bool)>,
    scores: Vec<f64>,
    predicted: Vec<usize>,
    features: Option<ClassFeatures>,
    limits: Limits,
}

impl Known {
    fn new(seen: Vec<Seen>, truth: Vec<usize>, classes: usize, coverage: f64) -> Result<Self> {
        let pairs = seen.iter().zip(&truth);
        let logs: Vec<temperature::Answer> = pairs.map(|(s, t)| (s.logs.clone(), *t)).collect();
        let temperature = temperature::fit(&logs);
        if temperature::is_largest(temperature) {
            log::warn!(
                "the fitted temperature {temperature} is the largest tried: the scores are hardly better than chance"
            );
        }
        let answers = temperature::answers(&logs, temperature);
        let scores: Vec<f64> = answers.iter().map(|(score, _)| *score).collect();
        let predicted: Vec<usize> = logs.iter().map(|(logs, _)| best(logs).0).collect();
        let pictures: Vec<features::Labelled> = seen
            .iter()
            .zip(truth.iter().zip(&predicted))
            .map(|(seen, (class, predicted))| features::Labelled {
                features: &seen.features,
                class: *class,
                predicted: *predicted,
            })
            .collect();
        let features = ClassFeatures::fit(&pictures, classes)?;
        if features.is_none() {
            log::warn!("only scores decide about unknown: features are not shown, or too many");
        }
        let distances = features.as_ref().map(|features| &features.distances[..]);
        Ok(Self {
            limits: limits::fit(&scores, distances, coverage),
            seen: seen.into_iter().zip(truth).collect(),
            temperature,
            answers,
            scores,
            predicted,
            features,
        })
    }

    fn distances(&self) -> Option<&[f64]> {
        Some(&self.features.as_ref()?.distances)
    }

    fn is_rejected(&self, at: usize) -> bool {
        let distance = self.distances().map(|distances| distances[at]);
        self.limits.reject(self.scores[at], distance)
    }

    /// The model's manifest with what was found.
    fn manifest(&self, model: &Model, options: &CalibrationOptions) -> Result<Manifest> {
        let (old, pictures) = (&model.manifest, self.seen.len());
        let kept: Vec<usize> = (0..pictures).filter(|at| !self.is_rejected(*at)).collect();
        let right = kept.iter().filter(|at| self.answers[**at].1).count();
        let share = |count: usize, of: usize| significant(count as f64 / of.max(1) as f64, DIGITS);
        let mut manifest = old.clone();
        manifest.output.temperature = self.temperature;
        manifest.rejection = Some(Rejection {
            threshold: self.limits.threshold,
            distance: self.limits.distance,
            coverage: share(kept.len(), pictures),
            accuracy: share(right, kept.len()),
        });
        let mut counts = vec![0.5; old.labels.len()];
        self.predicted
            .iter()
            .for_each(|class| counts[*class] += 1.0);
        let all: f64 = counts.iter().sum();
        manifest.drift = Some(Drift {
            pictures,
            prior: counts
                .iter()
                .map(|c| significant(c / all, DIGITS))
                .collect(),
            score: statistic(&self.scores),
            image: old.drift.as_ref().and_then(|drift| drift.image.clone()),
            embedding: self
                .features
                .as_ref()
                .map(|features| features.known.clone()),
            alarm: None,
        });
        manifest.proof = self.proof(model, options)?;
        Ok(manifest)
    }

    fn proof(&self, model: &Model, options: &CalibrationOptions) -> Result<Option<Proof>> {
        if let Some(old) = &model.manifest.proof {
            let before = model.manifest.output.temperature;
            return Ok(Some(proof::at_temperature(old, before, self.temperature)));
        }
        if options.framing != Framing::default() {
            log::warn!("no proof: it would be replayed on whole pictures");
            return Ok(None);
        }
        let tolerance = match model.file.is_quantized {
            true => TOLERANCES.1,
            false => TOLERANCES.0,
        };
        let labels = &model.manifest.labels;
        proof::of_pictures(&self.seen, labels, self.temperature, tolerance, |at| {
            self.answers[at].1 && !self.is_rejected(at)
        })
    }
}

fn check_model(model: &Model, coverage: f64) -> Result<()> {
    if model.manifest.output.kind.is_independent() {
        return Err(Error::model(
            model.place(),
            "its labels are independent of one another: none of them being there is an answer, too",
        )
        .with_expected("a model that gives one class to each picture")
        .with_remedy("calibrate each label where it is trained: scripts/train does"));
    }
    if (0.5..1.0).contains(&coverage) {
        return Ok(());
    }
    Err(Error::usage("coverage", coverage.to_string())
        .with_expected("a share from 0.5 to below 1")
        .with_settings(&["coverage"]))
}

/// Pipelines that give scores as they are before calibration, and features.
fn maker(model: &Model, options: &CalibrationOptions) -> Result<PipelineMaker> {
    let mut bare = model.clone();
    let manifest = &mut bare.manifest;
    (manifest.output.temperature, manifest.rejection) = (1.0, None);
    let embedding = bare.features().is_some();
    let engine = EngineOptions {
        embedding,
        ..options.engine.clone()
    };
    let pipeline = PipelineOptions {
        max_pixels: options.max_pixels,
        framing: options.framing,
        top_k: bare.manifest.labels.len(),
        embedding,
        ..PipelineOptions::default()
    };
    PipelineMaker::new(Arc::new(bare), &engine, 1, pipeline)
}

fn check_number(place: &str, labels: &[String], truth: &[usize], coverage: f64) -> Result<()> {
    /// Labels that an error names.
    const SHOWN: usize = 5;
    let mut counts = vec![0; labels.len()];
    truth.iter().for_each(|class| counts[*class] += 1);
    let few = counts
        .iter()
        .zip(labels)
        .filter(|(count, _)| **count < FEWEST);
    let few: Vec<String> = few
        .map(|(count, label)| format!("{count} of `{label}`"))
        .collect();
    let shown = few[..few.len().min(SHOWN)].join(", ");
    let more = if few.len() > SHOWN { ", …" } else { "" };
    let error = |what: String, expected: String| {
        Err(Error::usage(place, what)
            .with_expected(expected)
            .with_remedy("add pictures that the model did not learn from"))
    };
    if !few.is_empty() {
        let expected = format!("{FEWEST} or more of each of the {} labels", labels.len());
        return error(format!("too few pictures: {shown}{more}"), expected);
    }
    let needed = limits::needed(coverage);
    if truth.len() < needed {
        let what = format!(
            "{} pictures cannot show a coverage of {coverage}",
            truth.len()
        );
        return error(what, format!("{needed} or more"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::features::Labelled;
    use super::measures::{best, calibration_error};
    use super::temperature;
    use super::{ClassFeatures, limits};

    /// What the trainer finds in the same answers; its own test writes and checks the file.
    #[derive(Deserialize)]
    struct Golden {
        coverage: f64,
        logits: Vec<Vec<f64>>,
        features: Vec<Vec<f32>>,
        classes: Vec<usize>,
        temperature: f64,
        ece: f64,
        distances: Vec<f64>,
        class_means: Vec<Vec<f64>>,
        deviation: Vec<f64>,
        threshold: f64,
        distance: f64,
    }

    #[test]
    fn all_that_is_fitted_is_what_the_trainer_fits() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/unknown.json");
        let text = std::fs::read_to_string(file).unwrap();
        let golden: Golden = serde_json::from_str(&text).unwrap();
        let logs = golden.logits.iter().cloned();
        let logs: Vec<temperature::Answer> = logs.zip(golden.classes.iter().copied()).collect();
        let temperature = temperature::fit(&logs);
        assert_eq!(temperature, golden.temperature);
        let answers = temperature::answers(&logs, temperature);
        let near = |a: f64, b: f64, what: &str| assert!((a - b).abs() < 1e-5, "{what}: {a} {b}");
        near(calibration_error(&answers), golden.ece, "calibration error");
        let pictures: Vec<Labelled> = golden
            .features
            .iter()
            .zip(&logs)
            .map(|(features, (logs, class))| Labelled {
                features,
                class: *class,
                predicted: best(logs).0,
            })
            .collect();
        let found = ClassFeatures::fit(&pictures, 4).unwrap().unwrap();
        let pairs = found.distances.iter().zip(&golden.distances);
        pairs.for_each(|(a, b)| near(*a, *b, "distance"));
        assert_eq!(found.known.class_means, golden.class_means);
        assert_eq!(found.known.deviation, golden.deviation);
        let scores: Vec<f64> = answers.iter().map(|(score, _)| *score).collect();
        let limits = limits::fit(&scores, Some(&found.distances), golden.coverage);
        near(limits.threshold, golden.threshold, "threshold");
        near(limits.distance.unwrap(), golden.distance, "farthest");
    }
}
