//! The live source as others see it: its state as events, its picture as a stream. There
//! is one slot for each, and whoever watches gets what is newest when it can take it, so
//! that ten viewers cost one encoding and a slow one costs nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::sync::watch;

use super::metrics::Metrics;
use super::preview::{PreviewEncoder, PreviewOptions, Shown};
use crate::error::Result;
use crate::pipeline::capture::Frame;
use crate::pipeline::record::Milliseconds;
use crate::pipeline::write::JsonRecord;
use crate::session::{FrameEvent, LoopStats, Observer};

/// Time between two events; more are not read, and cost.
const PERIOD: Duration = Duration::from_millis(100);
/// Time between two events while there are no frames.
const IDLE_PERIOD: Duration = Duration::from_millis(500);

/// The two slots.
pub struct Live {
    /// What the source is called.
    pub(crate) source: String,
    pub(crate) states: watch::Sender<Bytes>,
    pub(crate) pictures: watch::Sender<Shown>,
}

impl Live {
    /// Nothing was seen yet.
    pub fn new(source: String) -> Self {
        Self {
            source,
            states: watch::Sender::default(),
            pictures: watch::Sender::default(),
        }
    }

    /// Streams being watched.
    pub(crate) fn viewers(&self) -> usize {
        self.pictures.receiver_count()
    }

    /// The newest state as JSON, if there is one.
    pub(crate) fn state(&self) -> Option<Bytes> {
        let state = self.states.borrow().clone();
        (!state.is_empty()).then_some(state)
    }
}

/// What the live source shows.
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct LiveState<'a> {
    /// The newest.
    #[schemars(with = "Option<JsonRecord>")]
    record: Option<&'a RawValue>,
    /// Frames classified so far.
    classified: u64,
    /// Frames classified per second.
    #[schemars(range(min = 0))]
    fps: Option<f64>,
    /// How long the answer is this one.
    decided_ms: Option<Milliseconds>,
    /// How long the source is lost; null if it is not.
    lost_ms: Option<Milliseconds>,
    /// Those who watch the picture.
    viewers: usize,
}

/// Puts what the loop sees into the slots.
pub struct Broadcaster {
    live: Arc<Live>,
    metrics: Arc<Metrics>,
    preview: PreviewEncoder,
    interval: Duration,
    shown: Option<Instant>,
    published: Option<Instant>,
    stats: LoopStats,
    decided: Option<Instant>,
    record: Option<Box<RawValue>>,
    /// The frame of the newest record.
    answered: u64,
}

impl Broadcaster {
    /// A broadcaster into `live`.
    ///
    /// # Errors
    /// There is no thread or memory for its pictures.
    pub fn new(live: Arc<Live>, metrics: Arc<Metrics>, options: PreviewOptions) -> Result<Self> {
        Ok(Self {
            preview: PreviewEncoder::start(options, {
                let live = live.clone();
                move |picture| drop(live.pictures.send_replace(picture))
            })?,
            live,
            metrics,
            interval: Duration::from_secs_f64(1.0 / options.fps),
            shown: None,
            published: None,
            stats: LoopStats::default(),
            decided: None,
            record: None,
            answered: 0,
        })
    }

    /// Has the frame shown, if somebody watches and it is time to; whether it will be.
    fn show(&mut self, frame: &Frame) -> bool {
        let since = |shown: Instant| frame.instant.saturating_duration_since(shown);
        let due = self.shown.is_none_or(|shown| since(shown) >= self.interval);
        let shows = due && self.live.viewers() > 0;
        if shows {
            self.shown = Some(frame.instant);
            self.preview.submit(frame, self.answered);
        }
        shows
    }

    fn publish(&mut self) {
        self.published = Some(Instant::now());
        let viewers = self.live.viewers();
        self.metrics.set_viewers(viewers);
        let since = |then: Instant| Milliseconds::from(then.elapsed());
        let state = LiveState {
            record: self.record.as_deref(),
            classified: self.stats.classified,
            fps: self.stats.fps.map(|fps| (fps * 100.0).round() / 100.0),
            decided_ms: self.decided.map(since),
            lost_ms: self.stats.lost.map(since),
            viewers,
        };
        if let Ok(state) = serde_json::to_vec(&state) {
            self.live.states.send_replace(state.into());
        }
    }
}

impl Observer for Broadcaster {
    fn on_frame(&mut self, event: &FrameEvent) -> Result<()> {
        let at = event.frame.instant;
        if event.record.decision.change.is_some() || self.decided.is_none() {
            self.decided = Some(at);
        }
        self.answered = event.record.number;
        // Who sees a frame is told its own answer.
        let shows = self.show(event.frame);
        if shows || self.published.is_none_or(|at| at.elapsed() >= PERIOD) {
            let json = String::from_utf8_lossy(&event.json()?).into_owned();
            self.record = RawValue::from_string(json).ok();
            self.stats.classified += 1;
            self.publish();
        }
        Ok(())
    }

    fn on_skipped(&mut self, frame: &Frame) {
        self.show(frame);
    }

    fn on_stats(&mut self, stats: &LoopStats) -> Result<()> {
        let was_lost = self.stats.lost.is_some();
        self.stats = *stats;
        let period = if was_lost == stats.lost.is_some() {
            IDLE_PERIOD
        } else {
            Duration::ZERO
        };
        if self.published.is_none_or(|at| at.elapsed() >= period) {
            self.publish();
        }
        Ok(())
    }
}
