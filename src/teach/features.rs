//! The features of pictures: each goes through the stages that every frame goes through, once
//! for each view, and the network's value below its head is kept.

use std::path::PathBuf;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::look::{Look, identity};
use super::parallel::in_parallel;
use crate::engine::{Engine, EngineMaker, EngineOptions};
use crate::error::{Error, Result};
use crate::model::manifest::Color;
use crate::model::{Model, Places};
use crate::pipeline::capture::{Frame, read_picture};
use crate::pipeline::decode::{DecodeOptions, Decoder, Picture, Whole};
use crate::pipeline::preprocess::{Framing, Geometry, Preprocessor};
use crate::tensor::{Outputs, Tensor};

/// What is known of a picture once the network has seen it.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    /// The features of each view, one after the other.
    pub features: Vec<f32>,
    /// What is left of rows and columns where they stand.
    pub places: Places,
    /// How the first view looks.
    pub look: Look,
    /// What tells it from other pictures.
    pub identity: u64,
    /// SHA-256 of the file.
    pub digest: [u8; 32],
}

/// Which pictures are refused.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub max_pixels: usize,
    pub max_bytes: usize,
}

/// What runs a model's network, to give its features.
///
/// # Errors
/// The engine cannot be loaded, or cannot load the model.
pub(super) fn engines(model: &Arc<Model>, options: &EngineOptions) -> Result<EngineMaker> {
    let options = EngineOptions {
        embedding: true,
        // It runs once: keeping it would cost more than it brings.
        use_cache: false,
        ..options.clone()
    };
    EngineMaker::new(model.clone(), &options)
}

/// What files show: their features, or why they cannot be used. The files' order is kept.
///
/// # Errors
/// The engine fails, or the network's features are none.
pub(super) fn seen(
    engines: &EngineMaker,
    files: &[PathBuf],
    views: &[Framing],
    limits: Limits,
    workers: usize,
    done: &mut dyn FnMut(usize),
) -> Result<Vec<Result<Seen>>> {
    let look = |eye: &mut Eye, number: usize| match read_picture(&files[number], limits.max_bytes) {
        Ok(frame) => eye.see(&frame),
        Err(error) => Ok(Err(error)),
    };
    let eye = || Eye::new(engines, views, limits.max_pixels);
    in_parallel(files.len(), workers, eye, look, done)
}

/// One thread's stages, and their buffers.
pub(super) struct Eye<'a> {
    model: &'a Model,
    decoder: Decoder,
    engine: Box<dyn Engine>,
    preprocessors: Vec<Preprocessor>,
    picture: Picture,
    tensor: Tensor,
    outputs: Outputs,
}

impl<'a> Eye<'a> {
    /// An eye that sees pictures in these views.
    ///
    /// # Errors
    /// The engine cannot load the model.
    pub(super) fn new(
        engines: &'a EngineMaker,
        views: &[Framing],
        max_pixels: usize,
    ) -> Result<Self> {
        let model: &Model = engines.model();
        let manifest = &model.manifest;
        let preprocessor = |view: &Framing| {
            let geometry = Geometry::new(&manifest.preprocess, *view, false);
            Preprocessor::new(&manifest.input, geometry)
        };
        Ok(Self {
            decoder: Decoder::new(DecodeOptions {
                max_pixels,
                gray: manifest.input.color == Color::Gray,
            })?,
            engine: engines.make(1)?,
            preprocessors: views.iter().map(preprocessor).collect(),
            picture: Picture::default(),
            tensor: Tensor::new(&manifest.input, model.file.fixed_batch.unwrap_or(1)),
            outputs: Outputs::new(true),
            model,
        })
    }

    /// What a frame shows, or why it cannot be decoded.
    ///
    /// # Errors
    /// The engine fails, or the network's features are none.
    pub(super) fn see(&mut self, frame: &Frame) -> Result<Result<Seen>> {
        if let Err(error) = self.decoder.decode(frame, &Whole, &mut self.picture) {
            return Ok(Err(error));
        }
        let mut seen = Seen {
            features: Vec::new(),
            places: Places::None,
            look: Look::default(),
            identity: 0,
            digest: Sha256::digest(&frame.bytes).into(),
        };
        let mut features = Vec::new();
        for (number, preprocessor) in self.preprocessors.iter_mut().enumerate() {
            preprocessor.run(&self.picture, &mut self.tensor, 0);
            if number == 0 {
                seen.look = Look::of(&self.tensor, &self.model.manifest);
                seen.identity = identity(&self.tensor);
            }
            self.engine.run(&self.tensor, &mut self.outputs)?;
            let Some(value) = &self.outputs.embedding else {
                return Err(Error::engine(&frame.source, "the engine gave no features"));
            };
            seen.places = places(self.model, &value.shape)?;
            value.features(0, &mut features);
            if features.is_empty() || features.iter().any(|v| !v.is_finite()) {
                let what = "the network's features for it hold values that are no numbers";
                return Err(Error::engine(&frame.source, what));
            }
            seen.features.extend_from_slice(&features);
        }
        self.picture.let_go();
        Ok(Ok(seen))
    }
}

fn places(model: &Model, shape: &[usize]) -> Result<Places> {
    match shape {
        [_, _] => Ok(Places::None),
        [_, _, 1, 1] => Ok(Places::One),
        [_, _, _, _] => Ok(Places::Many),
        _ => Err(Error::model(
            model.place(),
            format!("the features below its classes have the shape {shape:?}"),
        )
        .with_expected("[batch, D] or [batch, D, rows, columns]")
        .with_remedy("export the network with its pooling before its last linear layer")),
    }
}
