//! A model's proof, replayed: equal answers on equal pictures prove the whole way, from
//! decoding and preprocessing over the network and its calibration to the order of the
//! labels. Where they differ, the usual mistakes are tried, and the culprit is named.

mod replay;
mod suspects;

use std::num::NonZeroUsize;
use std::sync::Arc;

use serde::Serialize;

use crate::engine::{EngineMaker, Identity};
use crate::error::{Error, Result};
use crate::model::Model;
use crate::model::manifest::Proof;
use crate::pipeline::best;
use replay::{difference, pipeline, replay};

/// What one engine made of a proof.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct Verdict {
    /// What ran.
    #[serde(flatten)]
    pub identity: Identity,
    /// Whether all labels are right and no probability is further off than allowed.
    pub passed: bool,
    /// Largest difference allowed.
    pub tolerance: f32,
    /// Largest difference of a class's probability.
    pub largest_difference: f32,
    /// The pictures, one by one.
    pub cases: Vec<CaseVerdict>,
    /// What is to blame, if it failed.
    pub suspect: Option<String>,
}

/// What one engine made of one picture.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct CaseVerdict {
    /// The picture's name.
    pub name: String,
    /// The best label here.
    pub label: String,
    /// The best label in training.
    pub expected_label: String,
    /// Largest difference of a class's probability.
    pub difference: f32,
}

impl CaseVerdict {
    /// Whether the label is right and no probability is further off than `tolerance`.
    pub fn is_good(&self, tolerance: f32) -> bool {
        self.difference <= tolerance && self.label == self.expected_label
    }
}

/// Replays the proof of the engines' model.
///
/// # Errors
/// The model has no proof; the engine cannot run it.
pub fn verify(engines: &EngineMaker) -> Result<Verdict> {
    let model = engines.model();
    let proof = model.manifest.proof.as_ref().ok_or_else(|| {
        Error::model(model.place(), "the model carries no proof").with_remedy(
            "export it with scripts/train; a model of another tool cannot prove itself",
        )
    })?;
    judge(model, engines, proof)
}

/// Replays the proof of a model that is to take over. One without a proof is taken as it
/// is, which is said.
///
/// # Errors
/// It does not give the trainer's answers here.
pub fn prove(engines: &EngineMaker) -> Result<()> {
    let model = engines.model();
    if model.manifest.proof.is_none() {
        log::warn!(
            "{}: the model carries no proof, it is taken unproved",
            model.place()
        );
        return Ok(());
    }
    let verdict = verify(engines)?;
    if verdict.passed {
        return Ok(());
    }
    Err(Error::model(
        model.place(),
        format!(
            "its proof fails on {}: probabilities differ by {:.4}, tolerance {}; suspect {}",
            verdict.identity.engine,
            verdict.largest_difference,
            verdict.tolerance,
            verdict.suspect.unwrap_or_default()
        ),
    ))
}

fn judge(model: &Arc<Model>, engines: &EngineMaker, proof: &Proof) -> Result<Verdict> {
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let engine = engines.make(cores.min(4))?;
    let identity = engine.identity().clone();
    let mut cases = Vec::new();
    let mut pipeline = pipeline(model, engine)?;
    for (case, scores) in proof.cases.iter().zip(replay(&mut pipeline, proof)?) {
        let label = model.manifest.labels.get(best(&scores).index);
        cases.push(CaseVerdict {
            name: case.name.clone(),
            label: label.cloned().unwrap_or_default(),
            expected_label: case.label.clone(),
            difference: difference(&scores, &case.probabilities),
        });
    }
    let largest_difference = cases.iter().map(|c| c.difference).fold(0.0, f32::max);
    let passed = cases.iter().all(|case| case.is_good(proof.tolerance));
    let suspect = match passed {
        true => None,
        false => Some(suspects::name(model, engines, proof, largest_difference)?),
    };
    Ok(Verdict {
        identity,
        passed,
        tolerance: proof.tolerance,
        largest_difference,
        cases,
        suspect,
    })
}
