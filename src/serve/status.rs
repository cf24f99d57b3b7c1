//! What the service does, as `/status` tells it.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;

use super::live::LiveState;
use super::state::AppState;

/// What the service does.
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Status {
    /// Whether the model is loaded, proved and warm.
    ready: bool,
    /// Name and version; null until it is ready, as are engine and provider.
    model: Option<String>,
    /// `onnxruntime 1.32.0`, for example.
    engine: Option<Arc<str>>,
    /// What computes: `cpu`, for example.
    provider: Option<Arc<str>>,
    /// The live source; null if there is none.
    source: Option<String>,
    /// Seconds since the start.
    uptime_s: u64,
    /// Requests.
    queue: Queue,
    /// What the live source shows; null if there is none, or nothing yet.
    #[schemars(with = "Option<LiveState>")]
    state: Option<Box<RawValue>>,
}

/// Where pictures of requests wait.
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Queue {
    /// Pictures that wait.
    depth: usize,
    /// Pictures that may.
    capacity: usize,
}

impl Status {
    /// What it does at present.
    pub(crate) fn of(app: &AppState) -> Self {
        let model = app.model();
        let context = model.as_ref().map(|model| &model.context);
        let (depth, capacity) = app.requests.depth();
        let live = app.live.as_ref();
        let state = live.and_then(|live| live.state());
        Self {
            ready: model.is_some(),
            model: context.map(|context| context.model.clone()),
            engine: context.map(|context| context.identity.engine.clone()),
            provider: context.map(|context| context.identity.provider.clone()),
            source: live.map(|live| live.source.clone()),
            uptime_s: app.started.elapsed().as_secs(),
            queue: Queue { depth, capacity },
            state: state.and_then(|state| serde_json::from_slice(&state).ok()),
        }
    }
}
