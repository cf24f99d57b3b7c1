//! Making pipelines that all run one model in one way: one for each worker.

use std::sync::Arc;

use super::record::Context;
use super::{PerSourceOptions, Pipeline, PipelineOptions};
use crate::engine::{EngineMaker, EngineOptions, Identity};
use crate::error::Result;
use crate::model::Model;

/// Makes pipelines that all run one model in one way.
#[derive(Clone)]
pub struct PipelineMaker {
    /// The model.
    pub model: Arc<Model>,
    /// The engine, loaded.
    pub engines: Arc<EngineMaker>,
    /// Threads per run of the network.
    pub threads: usize,
    /// How frames are classified; of several sources, the first one's.
    pub options: PipelineOptions,
    /// How those of further sources are looked at, in their order.
    pub further: Vec<PerSourceOptions>,
    /// Frames of several sources that one pipeline classifies at once, each on a thread of its
    /// own; a single source's come one after the other.
    pub at_once: usize,
}

/// Frames of `sources` live sources that are worth classifying at once on so many `cores`, where
/// each takes so many `threads`, or one: decoding, too, is then spread over the cores. A single
/// source's frames come one after the other.
pub fn frames_at_once(sources: usize, cores: usize, threads: Option<usize>) -> usize {
    /// Each has an engine, which takes memory.
    const MOST: usize = 4;
    let by_cores = (cores / threads.unwrap_or(1)).min(MOST);
    by_cores.clamp(1, sources.max(1))
}

impl PipelineMaker {
    /// Pipelines for `model` on the engine that `engine` asks for. A batch that the network
    /// fixes rules over the options'.
    ///
    /// # Errors
    /// The engine cannot be loaded, or cannot load the model.
    pub fn new(
        model: Arc<Model>,
        engine: &EngineOptions,
        threads: usize,
        options: PipelineOptions,
    ) -> Result<Self> {
        let engines = EngineMaker::new(model, engine)?;
        Ok(Self::with_engine(Arc::new(engines), threads, options))
    }

    /// The same for an engine that is loaded already.
    pub fn with_engine(
        engines: Arc<EngineMaker>,
        threads: usize,
        mut options: PipelineOptions,
    ) -> Self {
        let model = engines.model().clone();
        options.batch = model.file.fixed_batch.unwrap_or(options.batch);
        options.embedding &= model.features().is_some();
        Self {
            model,
            engines,
            threads,
            options,
            further: Vec::new(),
            at_once: 1,
        }
    }

    /// The same on an engine that is loaded for another model.
    #[must_use]
    pub fn on(&self, engines: Arc<EngineMaker>) -> Self {
        Self {
            further: self.further.clone(),
            at_once: self.at_once,
            ..Self::with_engine(engines, self.threads, self.options)
        }
    }

    /// A pipeline.
    ///
    /// # Errors
    /// The engine cannot load the model; the options contradict it.
    pub fn make(&self) -> Result<Pipeline> {
        let engine = self.engines.make(self.threads)?;
        let mut pipeline = Pipeline::new(&self.model, engine, self.options)?;
        for options in &self.further {
            pipeline.add_source(&self.model, options)?;
        }
        for _ in 1..self.at_once.min(pipeline.sources()) {
            let engine = self.engines.make(self.threads)?;
            pipeline.widen(&self.model, engine, &self.options)?;
        }
        Ok(pipeline)
    }

    /// A pipeline for which the first frame is like any other.
    ///
    /// # Errors
    /// As [`make`](Self::make), or the network cannot be run.
    pub fn make_warm(&self) -> Result<Pipeline> {
        let mut pipeline = self.make()?;
        pipeline.warm_up()?;
        Ok(pipeline)
    }

    /// What the records of its pipelines have in common.
    pub fn context(&self, identity: &Identity) -> Context {
        Context {
            loaded: Some(self.model.clone()),
            ..Context::new(&self.model.manifest, identity, self.options.top_k)
        }
    }
}
