//! What a monitoring system asks for (OpenMetrics text, as Prometheus reads it): counts,
//! times in seconds, and what the model is. Labels and causes are few and known.

use std::fmt::Debug;
use std::hash::Hash;
use std::sync::Arc;

use crate::error::Result;
use crate::monitor::ring::{Reason, RingCounts};
use crate::pipeline::capture::DropCounters;
use crate::pipeline::record::{Context, Record};
use crate::session::{FrameEvent, LoopStats, Observer};
use parking_lot::Mutex;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Metric, Registry, Unit};

/// Names and values.
type Labels<const N: usize> = [(&'static str, String); N];
/// What became of a frame, why it was looked at, and its source where that has a name.
type RingLabels = Vec<(&'static str, String)>;
type Times = Family<Labels<1>, Histogram, fn() -> Histogram>;

/// All counts of a process.
pub struct Metrics {
    registry: Registry,
    frames: Family<Labels<1>, Counter>,
    dropped: Family<Labels<1>, Counter>,
    outages: Counter,
    source_up: Gauge,
    stages: Times,
    frame_age: Histogram,
    predictions: Family<Labels<1>, Counter>,
    requests: Family<Labels<2>, Counter>,
    request_time: Times,
    queue: Family<Labels<1>, Gauge>,
    viewers: Gauge,
    ring: Family<RingLabels, Counter>,
    model: Mutex<Option<Labels<4>>>,
    models: Family<Labels<4>, Gauge>,
}

/// 0.25 ms to 8 s, each twice the one before.
fn times() -> Histogram {
    Histogram::new(exponential_buckets(0.000_25, 2.0, 16))
}

/// Registers a metric and hands it on.
fn add<M: Metric + Clone>(registry: &mut Registry, name: &str, help: &str, metric: M) -> M {
    registry.register(name, help, metric.clone());
    metric
}

/// The same for counters by their labels.
fn add_counters<L>(registry: &mut Registry, name: &str, help: &str) -> Family<L, Counter>
where
    L: EncodeLabelSet + Clone + Debug + Eq + Hash + Send + Sync + 'static,
{
    add(registry, name, help, Family::default())
}

/// The same for times, whose names end with their unit.
fn add_time<M: Metric + Clone>(registry: &mut Registry, name: &str, help: &str, metric: M) -> M {
    registry.register_with_unit(name, help, Unit::Seconds, metric.clone());
    metric
}

impl Default for Metrics {
    /// All at zero.
    fn default() -> Self {
        let r = &mut Registry::with_prefix("ocelli");
        let by_label = Times::new_with_constructor;
        Self {
            frames: add(
                r,
                "frames",
                "Frames classified, live or by request",
                Family::default(),
            ),
            dropped: add(
                r,
                "dropped_frames",
                "Live frames not classified, by cause",
                Family::default(),
            ),
            outages: add(
                r,
                "outages",
                "Times the live source was lost",
                Counter::default(),
            ),
            source_up: add(
                r,
                "source_up",
                "Whether the live source gives frames",
                Gauge::default(),
            ),
            stages: add_time(r, "stage", "Time of a stage per frame", by_label(times)),
            frame_age: add_time(r, "frame_age", "Capture to record, live frames", times()),
            predictions: add(r, "predictions", "Decisions by label", Family::default()),
            requests: add_counters(r, "requests", "Requests by route and status"),
            request_time: add_time(
                r,
                "request",
                "Time until the answer begins",
                by_label(times),
            ),
            queue: add(
                r,
                "queue_depth",
                "Pictures that wait to be classified",
                Family::default(),
            ),
            viewers: add(
                r,
                "viewers",
                "Streams of the live picture being watched",
                Gauge::default(),
            ),
            ring: add_counters(r, "ring_frames", "Frames to keep, by reason and outcome"),
            models: add(r, "model_info", "The model being served", Family::default()),
            model: Mutex::default(),
            registry: std::mem::take(r),
        }
    }
}

impl Metrics {
    /// The text.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }

    /// A frame was classified.
    pub(crate) fn observe(&self, context: &Context, record: &Record) {
        let way = if record.drops.is_some() {
            "live"
        } else {
            "request"
        };
        self.frames.get_or_create(&[("way", way.to_owned())]).inc();
        let timing = record.timing;
        for (stage, time) in [
            ("capture", timing.capture),
            ("decode", timing.decode),
            ("preprocess", timing.preprocess),
            ("inference", timing.inference),
        ] {
            let stage = [("stage", stage.to_owned())];
            self.stages
                .get_or_create(&stage)
                .observe(time.as_secs_f64());
        }
        if let Some(age) = record.frame_age {
            self.frame_age.observe(age.as_secs_f64());
        }
        let count = |state| {
            let label = [("label", context.name_of(state).to_owned())];
            self.predictions.get_or_create(&label).inc();
        };
        match record.decision {
            decision if decision.unknown => count(None),
            _ if context.independent => {
                let present = record.present.now.iter();
                present.for_each(|label| count(Some(label.index)));
            }
            decision => count(Some(decision.best.index)),
        }
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

    /// So many watch.
    pub(crate) fn set_viewers(&self, viewers: usize) {
        self.viewers.set(i64::try_from(viewers).unwrap_or(i64::MAX));
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

    fn update(&self, stats: &LoopStats) {
        let DropCounters {
            newer,
            camera,
            damaged,
            paced,
            still,
            outages,
        } = stats.drops;
        for (cause, count) in [
            ("newer", newer),
            ("camera", camera),
            ("damaged", damaged),
            ("paced", paced),
            ("still", still),
        ] {
            raise(
                &self.dropped.get_or_create(&[("cause", cause.to_owned())]),
                count,
            );
        }
        raise(&self.outages, outages);
        self.source_up.set(i64::from(stats.lost.is_none()));
    }
}

/// Counters only rise; what is moved from one cause to another waits until it does.
fn raise(counter: &Counter, count: u64) {
    counter.inc_by(count.saturating_sub(counter.get()));
}

/// Counts what a live loop does.
pub struct Meter(pub Arc<Metrics>);

impl Observer for Meter {
    fn on_frame(&mut self, event: &FrameEvent) -> Result<()> {
        self.0.observe(event.context, event.record);
        Ok(())
    }

    fn on_stats(&mut self, stats: &LoopStats) -> Result<()> {
        self.0.update(stats);
        Ok(())
    }
}

/// Counts what a ring keeps of one source.
pub struct RingMeter {
    metrics: Arc<Metrics>,
    name: Option<String>,
    counts: Arc<RingCounts>,
    /// By reason: kept, dropped, missed, deleted, as far as it is counted.
    shown: [Option<[u64; 4]>; 6],
}

impl RingMeter {
    /// Of the source that is called `name`, if it has a name.
    pub fn new(metrics: Arc<Metrics>, name: Option<String>, counts: Arc<RingCounts>) -> Self {
        Self {
            metrics,
            name,
            counts,
            shown: [None; 6],
        }
    }
}

impl Observer for RingMeter {
    fn on_frame(&mut self, _: &FrameEvent) -> Result<()> {
        Ok(())
    }

    fn on_stats(&mut self, _: &LoopStats) -> Result<()> {
        const OUTCOMES: [&str; 4] = ["kept", "dropped", "missed", "deleted"];
        let Self { counts, shown, .. } = self;
        for reason in Reason::ALL {
            let now = [
                counts.kept(reason),
                counts.dropped(reason),
                counts.missed(reason),
                counts.deleted(reason),
            ];
            // Labels take memory, and this comes with every frame.
            if shown[reason as usize].replace(now) == Some(now) {
                continue;
            }
            for (outcome, count) in OUTCOMES.into_iter().zip(now) {
                let mut labels = vec![
                    ("outcome", outcome.to_owned()),
                    ("reason", reason.name().to_owned()),
                ];
                labels.extend(self.name.clone().map(|name| ("source", name)));
                raise(&self.metrics.ring.get_or_create(&labels), count);
            }
        }
        Ok(())
    }
}
