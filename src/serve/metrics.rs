//! What a monitoring system asks for: counts, times in seconds, and what the model is. Labels
//! and causes are few and known; what is counted of a live source has its name.

mod asked;
mod meter;
mod ring_meter;
mod tally;

use std::hash::Hash;
use std::sync::atomic::AtomicU64;

use crate::pipeline::record::{Context, Record};
use parking_lot::Mutex;
use prometheus_client::encoding::{prometheus_text, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Metric, Registry, Unit};

pub(crate) use asked::TextFormat;
pub use meter::Meter;
pub use ring_meter::RingMeter;
use tally::Tally;

/// A name and a value.
type Label = (&'static str, String);
type Labels<const N: usize> = [Label; N];
/// Labels some of which only live sources have.
type SomeLabels = Vec<Label>;
type Times<S> = Family<S, Histogram, fn() -> Histogram>;

/// All counts of a process.
pub struct Metrics {
    registry: Registry,
    frames: Family<SomeLabels, Counter>,
    dropped: Family<Labels<2>, Counter>,
    outages: Family<Labels<1>, Counter>,
    source_up: Family<Labels<1>, Gauge>,
    stages: Times<SomeLabels>,
    frame_age: Times<Labels<1>>,
    predictions: Family<SomeLabels, Counter>,
    by_request: Tally,
    requests: Family<Labels<2>, Counter>,
    request_time: Times<Labels<1>>,
    queue: Family<Labels<1>, Gauge>,
    viewers: Family<Labels<1>, Gauge>,
    health: Family<Labels<2>, Gauge>,
    drift: Family<Labels<2>, Gauge>,
    accuracy: Family<Labels<1>, Gauge<f64, AtomicU64>>,
    ring: Family<Labels<3>, Counter>,
    model: Mutex<Option<Labels<4>>>,
    models: Family<Labels<4>, Gauge>,
}

/// 0.25 ms to 8 s, each twice the one before.
fn times() -> Histogram {
    Histogram::new(exponential_buckets(0.000_25, 2.0, 16))
}

/// Registers a metric and hands it on.
fn add<M: Metric + Clone + Default>(registry: &mut Registry, name: &str, help: &str) -> M {
    let metric = M::default();
    registry.register(name, help, metric.clone());
    metric
}

/// The same for times, whose names end with their unit.
fn add_times<S>(registry: &mut Registry, name: &str, help: &str) -> Times<S>
where
    S: Clone + Eq + Hash,
    Times<S>: Metric,
{
    let metric = Times::new_with_constructor(times as fn() -> Histogram);
    registry.register_with_unit(name, help, Unit::Seconds, metric.clone());
    metric
}

impl Default for Metrics {
    /// All at zero.
    fn default() -> Self {
        let r = &mut Registry::with_prefix("ocelli");
        let frames = add(r, "frames", "Frames classified, live or by request");
        let stages = add_times(r, "stage", "Time of a stage per frame");
        let predictions = add(r, "predictions", "Decisions by label");
        Self {
            by_request: Tally::new(&frames, &stages, &predictions, None),
            frames,
            stages,
            predictions,
            dropped: add(r, "dropped_frames", "Live frames not classified, by cause"),
            outages: add(r, "outages", "Times a live source was lost"),
            source_up: add(r, "source_up", "Whether a live source gives frames"),
            frame_age: add_times(r, "frame_age", "Capture to record, live frames"),
            requests: add(r, "requests", "Requests by route and status"),
            request_time: add_times(r, "request", "Time until the answer begins"),
            queue: add(r, "queue_depth", "Pictures that wait to be classified"),
            viewers: add(
                r,
                "viewers",
                "Streams of a live source's pictures being watched",
            ),
            health: add(
                r,
                "health",
                "Whether something is wrong with a live source's picture, by cause",
            ),
            drift: add(
                r,
                "drift",
                "Whether a live source is no longer what it was, by statistic, until acknowledged",
            ),
            accuracy: add(
                r,
                "estimated_accuracy",
                "Share of right answers, estimated without labels; absent where it cannot be",
            ),
            ring: add(r, "ring_frames", "Frames to keep, by reason and outcome"),
            models: add(r, "model_info", "The model being served"),
            model: Mutex::default(),
            registry: std::mem::take(r),
        }
    }
}

impl Metrics {
    /// The text, in this format.
    pub(crate) fn text(&self, format: TextFormat) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = match format {
            TextFormat::OpenMetrics => text::encode(&mut text, &self.registry),
            TextFormat::Classic => prometheus_text::encode(&mut text, &self.registry),
        };
        text
    }

    /// A picture of a request was classified.
    pub(crate) fn observe(&self, context: &Context, record: &Record) {
        self.by_request.observe(context, record);
    }

    /// A request was answered after `seconds`.
    pub(crate) fn answered(&self, route: &str, status: u16, seconds: f64) {
        let route = ("route", route.to_owned());
        let labels = [route.clone(), ("status", status.to_string())];
        self.requests.get_or_create(&labels).inc();
        self.request_time.get_or_create(&[route]).observe(seconds);
    }

    /// So many pictures wait in this queue.
    pub(crate) fn set_queue(&self, name: &'static str, depth: usize) {
        let queue = [("queue", name.to_owned())];
        let depth = i64::try_from(depth).unwrap_or(i64::MAX);
        self.queue.get_or_create(&queue).set(depth);
    }

    /// So many watch this source.
    pub(crate) fn set_viewers(&self, source: &str, viewers: usize) {
        let source = [("source", source.to_owned())];
        let viewers = i64::try_from(viewers).unwrap_or(i64::MAX);
        self.viewers.get_or_create(&source).set(viewers);
    }

    /// This model is served from now on.
    pub(crate) fn set_model(&self, context: &Context, sha256: &str) {
        let Context {
            model, identity, ..
        } = context;
        let labels = [
            ("model", model.clone()),
            ("sha256", sha256.to_owned()),
            ("engine", identity.engine.to_string()),
            ("provider", identity.provider.to_string()),
        ];
        let mut shown = self.model.lock();
        if let Some(old) = shown.replace(labels.clone()) {
            self.models.remove(&old);
        }
        self.models.get_or_create(&labels).set(1);
    }
}
