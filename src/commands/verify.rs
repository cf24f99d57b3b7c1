//! `ocelli verify`: replay the proof that the trainer put into the model. Equal answers
//! on equal pictures prove the whole way: decoding, preprocessing, network, calibration
//! and the order of the labels.

mod suspects;

use std::fmt::Write;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use super::{Finding, cores, open_model, print, print_json};
use crate::cli::VerifyArgs;
use crate::engine::{EngineChoice, EngineMaker, EngineOptions, Identity};
use crate::error::{Error, Result};
use crate::model::Model;
use crate::model::manifest::Proof;
use crate::pipeline::capture::Frame;
use crate::pipeline::score::best;
use crate::pipeline::write::Record;
use crate::pipeline::{Pipeline, PipelineOptions};

/// What one engine made of the proof.
#[derive(Debug, Serialize)]
struct Verdict {
    #[serde(flatten)]
    identity: Identity,
    passed: bool,
    tolerance: f32,
    largest_difference: f32,
    cases: Vec<CaseVerdict>,
    suspect: Option<String>,
}

/// What one engine made of one picture.
#[derive(Debug, Serialize)]
struct CaseVerdict {
    name: String,
    label: String,
    expected_label: String,
    /// Largest difference of a class's probability.
    difference: f32,
}

/// Runs the command.
///
/// # Errors
/// The model has no proof; no engine can be used.
pub fn run(args: &VerifyArgs) -> Result<Finding> {
    let model = open_model(&args.model)?;
    let proof = model.manifest.proof.clone().ok_or_else(|| {
        Error::model(model.place(), "the model carries no proof")
            .remedy("export it with scripts/train; a model of another tool cannot prove itself")
    })?;
    let verdicts = engines(&model, &args.engine.options())?
        .into_iter()
        .map(|engines| judge(&model, &engines, &proof))
        .collect::<Result<Vec<_>>>()?;
    let passed = verdicts.iter().all(|v| v.passed);
    if args.json {
        print_json(&verdicts)?;
    } else {
        print(&text(&model, &verdicts))?;
    }
    Ok(if passed {
        Finding::Good
    } else {
        Finding::Negative
    })
}

/// The engine wished for, or every engine there is.
fn engines(model: &Arc<Model>, options: &EngineOptions) -> Result<Vec<EngineMaker>> {
    if options.choice != EngineChoice::Auto {
        return Ok(vec![EngineMaker::new(model.clone(), options)?]);
    }
    let mut engines = Vec::new();
    for choice in [EngineChoice::OnnxRuntime, EngineChoice::Rten] {
        match EngineMaker::new(
            model.clone(),
            &EngineOptions {
                choice,
                ..options.clone()
            },
        ) {
            Ok(engine) => engines.push(engine),
            Err(error)
                if choice == EngineChoice::OnnxRuntime
                    && EngineMaker::is_library_named(options) =>
            {
                return Err(error);
            }
            Err(error) => log::warn!("not verified: {error}"),
        }
    }
    if engines.is_empty() {
        Err(Error::engine("engines", "none can load the model"))
    } else {
        Ok(engines)
    }
}

/// Replays the proof of a model that is to take over.
///
/// # Errors
/// It does not give the trainer's answers here.
pub(super) fn prove(model: &Arc<Model>, engines: &EngineMaker) -> Result<()> {
    let Some(proof) = &model.manifest.proof else {
        log::warn!(
            "{}: the model carries no proof, it is taken unproved",
            model.place()
        );
        return Ok(());
    };
    let verdict = judge(model, engines, proof)?;
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
    let engine = engines.make(cores().min(4))?;
    let identity = engine.identity().clone();
    let mut cases = Vec::new();
    let mut pipeline = pipeline(model, engine)?;
    for (case, scores) in proof.cases.iter().zip(replay(&mut pipeline, proof)?) {
        let difference = difference(&scores, &case.probabilities);
        let best = model
            .manifest
            .labels
            .get(best(&scores).index)
            .cloned()
            .unwrap_or_default();
        cases.push(CaseVerdict {
            name: case.name.clone(),
            label: best,
            expected_label: case.label.clone(),
            difference,
        });
    }
    let largest_difference = cases.iter().map(|c| c.difference).fold(0.0, f32::max);
    let labels_agree = cases.iter().all(|c| c.label == c.expected_label);
    let passed = largest_difference <= proof.tolerance && labels_agree;
    let suspect = if passed {
        None
    } else {
        Some(suspects::name(model, engines, proof, largest_difference)?)
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

fn pipeline(model: &Model, engine: Box<dyn crate::engine::Engine>) -> Result<Pipeline> {
    let batch = model.file.fixed_batch.unwrap_or(1);
    Pipeline::new(
        model,
        engine,
        PipelineOptions {
            batch,
            top_k: 1,
            ..PipelineOptions::default()
        },
    )
}

/// Every class's probability for every case.
fn replay(pipeline: &mut Pipeline, proof: &Proof) -> Result<Vec<Vec<f32>>> {
    let mut records = [Record::default()];
    proof
        .cases
        .iter()
        .map(|case| {
            let place = format!("proof case {}", case.name);
            let bytes = STANDARD
                .decode(&case.image)
                .map_err(|e| Error::model(&place, "its picture is no base64").caused_by(e))?;
            let frame = Frame {
                source: place,
                bytes,
                ..Frame::default()
            };
            pipeline.classify(&[frame], &mut records);
            match records[0].failure.take() {
                Some(error) => Err(error),
                None => Ok(pipeline.scores().0.clone()),
            }
        })
        .collect()
}

fn difference(here: &[f32], there: &[f32]) -> f32 {
    here.iter()
        .zip(there)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max)
}

fn text(model: &Model, verdicts: &[Verdict]) -> String {
    let mut text = String::new();
    for verdict in verdicts {
        let Identity {
            engine,
            provider,
            prepared,
        } = &verdict.identity;
        let prepared = if *prepared { ", prepared" } else { "" };
        let word = if verdict.passed { "passed" } else { "FAILED" };
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{}: {word} on {engine} ({provider}{prepared}): {} pictures, largest difference {:.6}, tolerance {}",
            model.manifest.id(),
            verdict.cases.len(),
            verdict.largest_difference,
            verdict.tolerance
        );
        for case in verdict
            .cases
            .iter()
            .filter(|c| c.difference > verdict.tolerance || c.label != c.expected_label)
        {
            let _ = writeln!(
                text,
                "  {}: {} here, {} in training, probabilities differ by {:.4}",
                case.name, case.label, case.expected_label, case.difference
            );
        }
        if let Some(suspect) = &verdict.suspect {
            let _ = writeln!(text, "  suspect {suspect}");
        }
    }
    text
}
