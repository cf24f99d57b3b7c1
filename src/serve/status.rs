//! What the service does, as `/status` tells it.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;

use super::broadcaster::LiveState;
use super::live::Live;
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
    /// The live source; null unless there is just one.
    source: Option<String>,
    /// Seconds since the start.
    uptime_s: u64,
    /// Requests.
    queue: Queue,
    /// What it shows; null unless there is just one, or if nothing was seen yet.
    #[schemars(with = "Option<LiveState>")]
    state: Option<Box<RawValue>>,
    /// All live sources.
    sources: Vec<Source>,
}

/// A live source.
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Source {
    /// What it is called: by its name, it is asked for.
    name: String,
    /// What it was opened by.
    source: String,
    /// What it shows; null if nothing was seen yet.
    #[schemars(with = "Option<LiveState>")]
    state: Option<Box<RawValue>>,
}

impl Source {
    fn of(live: &Live) -> Self {
        Self {
            name: live.name.clone(),
            source: live.source.clone(),
            state: state(live),
        }
    }
}

fn state(live: &Live) -> Option<Box<RawValue>> {
    serde_json::from_slice(&live.state()?).ok()
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
        let alone = app.live.alone();
        Self {
            ready: model.is_some(),
            model: context.map(|context| context.model.clone()),
            engine: context.map(|context| context.identity.engine.clone()),
            provider: context.map(|context| context.identity.provider.clone()),
            source: alone.map(|live| live.source.clone()),
            uptime_s: app.started.elapsed().as_secs(),
            queue: Queue { depth, capacity },
            state: alone.and_then(|live| state(live)),
            sources: app.live.iter().map(|live| Source::of(live)).collect(),
        }
    }
}
