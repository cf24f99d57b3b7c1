//! The proof's pictures through a pipeline, as any frame goes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::model::Model;
use crate::model::manifest::Proof;
use crate::pipeline::capture::Frame;
use crate::pipeline::record::Record;
use crate::pipeline::{Pipeline, PipelineOptions};

/// A pipeline for the proof of `model`.
pub(crate) fn pipeline(model: &Model, engine: Box<dyn Engine>) -> Result<Pipeline> {
    let options = PipelineOptions {
        batch: model.file.fixed_batch.unwrap_or(1),
        top_k: 1,
        ..PipelineOptions::default()
    };
    Pipeline::new(model, engine, options)
}

/// Every class's probability for every case.
pub(crate) fn replay(pipeline: &mut Pipeline, proof: &Proof) -> Result<Vec<Vec<f32>>> {
    let mut records = [Record::default()];
    proof
        .cases
        .iter()
        .map(|case| {
            let place = format!("proof case {}", case.name);
            let bytes = STANDARD
                .decode(&case.image)
                .map_err(|e| Error::model(&place, "its picture is not base64").caused_by(e))?;
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

/// The largest difference of a class's probability.
pub(crate) fn difference(here: &[f32], there: &[f32]) -> f32 {
    here.iter()
        .zip(there)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max)
}
