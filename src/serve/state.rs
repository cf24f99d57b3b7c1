//! What all requests share: the queues, the live sources, the counts, and the model once it
//! is ready.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::RwLock;
use tokio::sync::{Semaphore, watch};

use super::live::LiveSources;
use super::metrics::Metrics;
use super::problem::Problem;
use super::queue::RequestQueue;
use super::token::Token;
use super::watchers::Watchers;
use crate::error::Result;
use crate::model::Model;
use crate::pipeline::record::Context;

/// What the model says of itself, ready to be sent.
pub(crate) struct ServedModel {
    /// What its records have in common.
    pub(crate) context: Context,
    /// SHA-256 of its file, in hexadecimal digits.
    pub(crate) sha256: String,
    /// Everything that is known about it, as JSON.
    pub(crate) document: Bytes,
}

impl ServedModel {
    /// What `model` says of itself, and what really runs it.
    pub(crate) fn of(model: &Model, context: Context) -> Result<Self> {
        Ok(Self {
            context,
            sha256: model.sha256()?,
            document: model.document()?.to_string().into(),
        })
    }
}

/// What the service consists of.
pub struct AppState {
    /// Classifies pictures one by one.
    pub(crate) requests: RequestQueue,
    /// Classifies them in batches, where that is wanted.
    pub(crate) batches: Option<RequestQueue>,
    /// The live sources.
    pub(crate) live: LiveSources,
    /// Counts.
    pub(crate) metrics: Arc<Metrics>,
    /// Classes per record unless a request says otherwise.
    pub(crate) top_k: usize,
    pub(crate) started: Instant,
    /// There once the model is proved and everything is warm.
    model: RwLock<Option<Arc<ServedModel>>>,
}

impl AppState {
    /// A service that is not ready yet.
    pub(crate) fn new(
        requests: RequestQueue,
        batches: Option<RequestQueue>,
        live: LiveSources,
        metrics: Arc<Metrics>,
        top_k: usize,
    ) -> Self {
        Self {
            requests,
            batches,
            live,
            metrics,
            top_k,
            started: Instant::now(),
            model: RwLock::default(),
        }
    }

    /// Its counts, for whoever counts more.
    pub fn metrics(&self) -> Arc<Metrics> {
        self.metrics.clone()
    }

    /// The service is ready; this model is served from now on.
    pub(crate) fn set_model(&self, model: ServedModel) {
        self.metrics.set_model(&model.context, &model.sha256);
        *self.model.write() = Some(Arc::new(model));
    }

    /// The model, if everything is ready.
    pub(crate) fn model(&self) -> Option<Arc<ServedModel>> {
        self.model.read().clone()
    }

    /// The model.
    ///
    /// # Errors
    /// It is not ready yet.
    pub(crate) fn ready_model(&self) -> std::result::Result<Arc<ServedModel>, Problem> {
        self.model()
            .ok_or_else(|| Problem::busy("the model is being loaded and proved"))
    }
}

/// The service as handlers see it: what it consists of, who may use it, and what a request
/// may cost.
pub(crate) struct Api {
    pub(crate) app: Arc<AppState>,
    pub(crate) token: Option<Token>,
    pub(crate) local_only: bool,
    pub(crate) max_body: usize,
    /// Connections that follow states.
    pub(crate) readers: Watchers,
    /// Connections that watch pictures.
    pub(crate) viewers: Watchers,
    pub(crate) patience: Duration,
    /// Bytes of uploads that may be in memory.
    pub(crate) budget: Arc<Semaphore>,
    /// Turns true when the end is near.
    pub(crate) closing: watch::Receiver<bool>,
}
