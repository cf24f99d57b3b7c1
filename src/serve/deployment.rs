//! A model in service: the workers that classify requests, one by one or in batches, the
//! pipelines of the live loop, and how all of them go over to another model.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::live::LiveSources;
use super::metrics::Metrics;
use super::queue::{QueueOptions, ReadyPipeline, RequestQueue};
use super::state::{AppState, ServedModel};
use crate::engine::{EngineMaker, EngineOptions, Identity};
use crate::error::{Error, Result};
use crate::model::{Model, Overrides};
use crate::pipeline::{PerSourceOptions, PipelineMaker, PipelineOptions, frames_at_once};
use crate::priority::lower_priority;
use crate::proof;

/// How a model is served.
#[derive(Clone, Debug)]
pub struct DeploymentOptions {
    /// Pictures classified at a time; `None` is the number of cores, or 1 beside live
    /// sources.
    pub workers: Option<usize>,
    /// Threads per run of the network; `None` is a share of the cores, at most 4.
    pub threads: Option<usize>,
    /// Pictures that may wait; further ones are refused.
    pub queue: usize,
    /// How long the first of a batch waits for others; `None` collects no batches.
    pub batch_window: Option<Duration>,
    /// Pictures per batch at most.
    pub batch: usize,
    /// How requests are classified.
    pub pipeline: PipelineOptions,
    /// How frames of each live source are looked at and decided about.
    pub live: Vec<PerSourceOptions>,
    /// Whether the live loop's records carry the features below the classes; the engine has
    /// to be made to give them.
    pub live_embedding: bool,
}

impl Default for DeploymentOptions {
    fn default() -> Self {
        Self {
            workers: None,
            threads: None,
            queue: 64,
            batch_window: None,
            batch: 8,
            pipeline: PipelineOptions::default(),
            live: Vec::new(),
            live_embedding: false,
        }
    }
}

/// A model in service: how pipelines are made for requests, for batches of them, and for
/// the live loop.
#[derive(Clone)]
pub struct Deployment {
    requests: PipelineMaker,
    batches: PipelineMaker,
    live: PipelineMaker,
    workers: usize,
}

impl Deployment {
    /// Loads `model` to be served, beside live sources if there are any.
    ///
    /// # Errors
    /// The engine cannot be loaded, or cannot load the model.
    pub fn new(
        model: Arc<Model>,
        engine: &EngineOptions,
        options: &DeploymentOptions,
    ) -> Result<Self> {
        let beside_live = !options.live.is_empty();
        let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let workers = options
            .workers
            .unwrap_or(if beside_live { 1 } else { cores });
        let threads = |sharers: usize| {
            let share = (cores / sharers).clamp(1, 4);
            options.threads.unwrap_or(share)
        };
        // A live loop keeps half of the cores to itself.
        let sharers = if beside_live { 2 * workers } else { workers };
        let engines = Arc::new(EngineMaker::new(model, engine)?);
        let maker =
            |threads, pipeline| PipelineMaker::with_engine(engines.clone(), threads, pipeline);
        let in_batches = PipelineOptions {
            batch: options.batch,
            ..options.pipeline
        };
        let of_live = PipelineOptions {
            embedding: options.live_embedding,
            ..options.pipeline
        };
        let mut each = options.live.iter().copied();
        let first = each.next().unwrap_or_default();
        let mut live = maker(threads(1), of_live.with_source(first));
        live.further = each.collect();
        if beside_live {
            live.at_once = frames_at_once(options.live.len(), cores, options.threads);
            live.threads = threads(live.at_once);
        }
        Ok(Self {
            requests: maker(threads(sharers), options.pipeline),
            batches: maker(threads(sharers), in_batches),
            live,
            workers,
        })
    }

    /// How pipelines of the live loop are made.
    pub fn live(&self) -> &PipelineMaker {
        &self.live
    }

    /// Replays the model's proof.
    ///
    /// # Errors
    /// It fails on this machine.
    pub fn prove(&self) -> Result<()> {
        proof::prove(&self.requests.engines)
    }

    /// The service, before it is ready.
    pub fn app(options: &DeploymentOptions, live: LiveSources) -> AppState {
        let metrics = Arc::new(Metrics::default());
        let queue = |name, window| {
            let options = QueueOptions {
                name,
                capacity: options.queue,
                window,
                low_priority: !live.is_empty(),
            };
            RequestQueue::new(options, metrics.clone())
        };
        let batches = options.batch_window.map(|window| queue("batches", window));
        let requests = queue("requests", Duration::ZERO);
        let top_k = options.pipeline.top_k;
        AppState::new(requests, batches, live, metrics, top_k)
    }

    /// Starts the workers; the service is ready then.
    ///
    /// # Errors
    /// A pipeline cannot be made.
    pub fn start(&self, app: &AppState) -> Result<()> {
        let mut context = None;
        for _ in 0..self.workers {
            context = Some(app.requests.spawn_worker(self.requests.clone())?);
            if let Some(queue) = &app.batches {
                queue.spawn_worker(self.batches.clone())?;
            }
        }
        let context = context.ok_or_else(|| {
            Error::usage("workers", "0 workers classify nothing").with_expected("at least 1")
        })?;
        let Identity {
            engine, provider, ..
        } = context.identity.clone();
        let model = context.model.clone();
        app.set_model(ServedModel::of(&self.requests.model, context)?);
        log::info!(
            "{model} is ready on {engine} ({provider}), {} at a time",
            self.workers
        );
        if self.live.at_once > 1 {
            let sources = self.live.further.len() + 1;
            let frames = self.live.at_once;
            log::info!("{frames} frames of {sources} live sources at a time");
        }
        Ok(())
    }

    /// The same for the model as it is now in its file, proved. What `first` makes of it
    /// is made before anything else, and only when all of it is there does it take over.
    ///
    /// # Errors
    /// The file cannot be used, its proof fails, or `first` does.
    pub fn renew<T>(
        &self,
        path: &Path,
        overrides: Overrides,
        app: &AppState,
        first: impl Fn(&Self) -> Result<T>,
    ) -> Result<T> {
        let requests = self.requests.renewed(path, overrides)?;
        let with = |old: &PipelineMaker| old.on(requests.engines.clone());
        let renewed = Self {
            batches: with(&self.batches),
            live: with(&self.live),
            workers: self.workers,
            requests,
        };
        let new = first(&renewed)?;
        if !app.live.is_empty() {
            lower_priority();
        }
        let all = |maker| {
            (0..self.workers)
                .map(|_| ReadyPipeline::new(maker))
                .collect::<Result<Vec<_>>>()
        };
        let requests = all(&renewed.requests)?;
        let batches = match &app.batches {
            Some(queue) => Some((queue, all(&renewed.batches)?)),
            None => None,
        };
        if let Some(ready) = requests.first() {
            let context = ready.context.clone();
            app.set_model(ServedModel::of(&renewed.requests.model, context)?);
        }
        app.requests.renew(requests);
        if let Some((queue, ready)) = batches {
            queue.renew(ready);
        }
        Ok(new)
    }
}
