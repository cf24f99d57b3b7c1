//! The new model's proof: pictures made small enough to travel, with the answers that the
//! head's own arithmetic gives on the network's features. The written file has to give them
//! again, on each engine that is here; how far these differ sets the tolerance.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::calibrate::probabilities;
use super::features::{Eye, Limits};
use crate::calibration::measures::{best, significant};
use crate::engine::{EngineMaker, EngineOptions};
use crate::error::{Error, Result};
use crate::model::manifest::{Color, Dtype, Manifest, Proof, ProofCase};
use crate::model::{LinearHead, Model, Overrides};
use crate::pipeline::capture::{Frame, read_picture};
use crate::pipeline::preprocess::Framing;
use crate::pipeline::view::{JpegEncoder, Sampling, ViewOptions, ViewSize, Viewer};
use crate::proof::verify;

/// Cases at most.
pub(super) const MOST: usize = 8;
/// Between the first two probabilities: closer ones may change places by rounding alone.
pub(super) const LEAST_MARGIN: f64 = 0.2;
/// A case's shorter side over the model's longer one: the resize is proven, too.
const OVERSIZE: f64 = 1.5;
/// Files of so many bytes stay as they are.
const SMALL: usize = 8192;
/// JPEG quality of cases that are made small.
const QUALITY: i32 = 90;
/// Least tolerance of networks in 32-bit floats, in 16-bit ones, and in integers; as the
/// trainer's.
const TOLERANCES: [f32; 3] = [1e-3, 5e-3, 2e-2];
/// Engines that differ by more prove little.
const MUCH: f32 = 0.1;

/// The cases of these files, the least sure of those that are sure enough first.
///
/// # Errors
/// The engine fails; a picture cannot be used any more.
pub(super) fn cases(
    engines: &EngineMaker,
    files: &[PathBuf],
    labels: &[String],
    (head, temperature): (&LinearHead, f64),
    limits: Limits,
) -> Result<Vec<ProofCase>> {
    let mut shrinker = Shrinker::new(engines.model(), limits.max_pixels)?;
    let named = |file: &PathBuf| {
        let parts = file
            .components()
            .rev()
            .take(2)
            .map(|part| part.as_os_str().to_string_lossy());
        let parts: Vec<_> = parts.collect();
        let name = parts.into_iter().rev().collect::<Vec<_>>().join("/");
        Ok((name, shrinker.small(read_picture(file, limits.max_bytes)?)?))
    };
    let frames = files.iter().map(named).collect::<Result<Vec<_>>>()?;
    answered(
        engines,
        frames,
        labels,
        (head, temperature),
        limits.max_pixels,
    )
}

/// The cases of these frames, which have names.
///
/// # Errors
/// The engine fails; a frame is no picture.
pub(super) fn answered(
    engines: &EngineMaker,
    frames: Vec<(String, Frame)>,
    labels: &[String],
    (head, temperature): (&LinearHead, f64),
    max_pixels: usize,
) -> Result<Vec<ProofCase>> {
    let mut eye = Eye::new(engines, &[Framing::default()], max_pixels)?;
    let mut cases = Vec::with_capacity(frames.len());
    for (name, frame) in frames {
        let seen = eye.see(&frame)??;
        let row = probabilities(&[head.logits(&seen.features)], temperature).remove(0);
        cases.push(ProofCase {
            name,
            label: labels[best(&row).0].clone(),
            image: STANDARD.encode(&frame.bytes),
            probabilities: row.iter().map(|p| significant(*p, 6) as f32).collect(),
        });
    }
    cases.sort_by(|a, b| {
        let [a, b] = [a, b].map(|case| margin(&case.probabilities));
        (a < LEAST_MARGIN)
            .cmp(&(b < LEAST_MARGIN))
            .then(a.total_cmp(&b))
    });
    Ok(cases)
}

/// The pictures of a proof as frames.
///
/// # Errors
/// One is not base64.
pub(super) fn frames(proof: &Proof) -> Result<Vec<(String, Frame)>> {
    let frame = |case: &ProofCase| {
        let bytes = STANDARD.decode(&case.image).map_err(|e| {
            Error::model(&case.name, "the proof's picture is not base64").caused_by(e)
        })?;
        let frame = Frame {
            source: format!("proof case {}", case.name),
            bytes,
            ..Frame::default()
        };
        Ok((case.name.clone(), frame))
    };
    proof.cases.iter().map(frame).collect()
}

/// Between the first probability and the second.
pub(super) fn margin<T: Copy + Into<f64>>(probabilities: &[T]) -> f64 {
    let mut sorted: Vec<f64> = probabilities.iter().map(|p| (*p).into()).collect();
    sorted.sort_by(|a, b| b.total_cmp(a));
    sorted[0] - sorted.get(1).copied().unwrap_or_default()
}

impl LinearHead {
    /// The logits of features, in 64 bits: what an engine's arithmetic is held against.
    pub(super) fn logits(&self, features: &[f32]) -> Vec<f64> {
        let rows = self
            .weights
            .chunks_exact(features.len().max(1))
            .zip(&self.biases);
        let logit = |(weights, bias): (&[f32], &f32)| {
            let products = weights.iter().zip(features);
            products
                .map(|(w, f)| f64::from(*w) * f64::from(*f))
                .sum::<f64>()
                + f64::from(*bias)
        };
        rows.map(logit).collect()
    }
}

/// Replays `manifest`'s proof of the model at `path` on every engine that is here, and sets its
/// tolerance: twice what they differ by. Cases on which they disagree are left out.
///
/// # Errors
/// No engine can run the model; none of the cases is right everywhere.
pub(super) fn settle(path: &Path, manifest: &mut Manifest, options: &EngineOptions) -> Result<()> {
    // Whatever is kept would be kept for a file that is written anew.
    let options = EngineOptions {
        use_cache: false,
        embedding: false,
        ..options.clone()
    };
    let model = Arc::new(Model::open(path, Overrides::default())?);
    let precision = match manifest.input.dtype {
        _ if model.file.is_quantized => 2,
        Dtype::Float16 => 1,
        _ => 0,
    };
    let Some(proof) = &mut manifest.proof else {
        return Ok(());
    };
    let mut largest = vec![0.0_f32; proof.cases.len()];
    for engines in EngineMaker::all(&model, &options)? {
        let verdict = verify(&engines)?;
        for (case, largest) in verdict.cases.iter().zip(&mut largest) {
            let is_right = case.label == case.expected_label;
            *largest = largest.max(if is_right { case.difference } else { 1.0 });
        }
    }
    let mut all = largest.iter();
    let right = |_: &ProofCase| all.next().is_some_and(|difference| *difference < 1.0);
    proof.cases.retain(right);
    let measured = largest
        .iter()
        .copied()
        .filter(|d| *d < 1.0)
        .fold(0.0, f32::max);
    if proof.cases.is_empty() {
        return Err(Error::model(
            path.display().to_string(),
            "the network as it was written answers none of the proof's pictures as it should",
        )
        .with_remedy("report this, with the model that it was taught on"));
    }
    if measured > MUCH {
        log::warn!(
            "engines differ by up to {measured:.2} on this network, more than a proof should allow"
        );
    }
    let doubled = (2.0 * measured * 1000.0).ceil() / 1000.0;
    proof.tolerance = TOLERANCES[precision].max(doubled).min(0.99);
    Ok(())
}

/// Makes pictures small.
struct Shrinker {
    viewer: Viewer,
    jpegs: JpegEncoder,
}

impl Shrinker {
    fn new(model: &Model, max_pixels: usize) -> Result<Self> {
        let input = &model.manifest.input;
        let side = OVERSIZE * input.width.max(input.height) as f64;
        let options = ViewOptions {
            size: ViewSize::Covering(side.round() as usize),
            color: Color::Rgb,
            max_pixels,
        };
        Ok(Self {
            viewer: Viewer::new(options, &[Framing::default()])?,
            jpegs: JpegEncoder::new(QUALITY, Sampling::Full)?,
        })
    }

    /// The frame, or a smaller picture of the same.
    fn small(&mut self, frame: Frame) -> Result<Frame> {
        if frame.bytes.len() <= SMALL {
            return Ok(frame);
        }
        let bytes = self.jpegs.encode(&self.viewer.view(0, &frame)?)?;
        Ok(Frame { bytes, ..frame })
    }
}
