//! What the loop sees of a live source, put into its slots: its state several times a second,
//! and its picture while somebody watches.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;

use super::live::{Live, LiveSources};
use super::preview::{PreviewEncoder, PreviewOptions};
use crate::error::{Error, Result};
use crate::monitor::health::HealthCause;
use crate::monitor::{AccuracyReport, DriftReport, Report};
use crate::pipeline::capture::Frame;
use crate::pipeline::preprocess::Framing;
use crate::pipeline::record::Milliseconds;
use crate::pipeline::write::JsonRecord;
use crate::session::{Ending, FrameEvent, LoopStats, Observer};

/// Time between two events; more are not read, and cost.
const PERIOD: Duration = Duration::from_millis(100);
/// Time between two events while there are no frames.
const IDLE_PERIOD: Duration = Duration::from_millis(500);

/// What a live source shows.
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct LiveState<'a> {
    /// The source's name: of several, or of one that was given a name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    name: Option<&'a str>,
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
    /// That nothing more comes, while other sources go on; null if that is not so.
    ended: Option<Ending>,
    /// Why it is lost or broken; null if it is neither.
    reason: Option<&'a str>,
    /// Those who watch the picture.
    viewers: usize,
    /// What is wrong with the picture, and has been for a while; null if the source is not watched.
    health: Option<&'a [HealthCause]>,
    /// What is no longer what it was, until somebody takes notice; null if the source is not watched.
    drift: Option<&'a [DriftReport]>,
    /// How often the answers are likely to be right; null if the source is not watched.
    accuracy: Option<&'a AccuracyReport>,
}

/// Puts what the loop sees of a source into its slots.
pub struct Broadcaster {
    live: Arc<Live>,
    preview: Arc<PreviewEncoder>,
    /// The source's place for the preview.
    place: usize,
    interval: Duration,
    shown: Option<Instant>,
    published: Option<Instant>,
    stats: LoopStats,
    reason: Option<String>,
    decided: Option<Instant>,
    /// The newest record, as JSON.
    record: Bytes,
    /// Whether nobody was told of it yet.
    is_fresh: bool,
    /// The frame of the newest record.
    answered: u64,
    /// What is known of its picture and world, if it is watched.
    report: Option<Arc<Report>>,
}

impl Broadcaster {
    /// A broadcaster for each of the sources.
    ///
    /// # Errors
    /// There is no thread or memory for their pictures.
    pub fn for_each(sources: &LiveSources, options: &PreviewOptions) -> Result<Vec<Self>> {
        let framings: Vec<Framing> = sources.iter().map(|live| live.framing).collect();
        let shown: Vec<Arc<Live>> = sources.iter().cloned().collect();
        let preview = PreviewEncoder::start(options, &framings, move |place, picture| {
            drop(shown[place].pictures.send_replace(picture));
        })?;
        let preview = Arc::new(preview);
        let interval = Duration::from_secs_f64(1.0 / options.fps);
        let broadcaster = |(place, live): (usize, &Arc<Live>)| Self {
            live: live.clone(),
            preview: preview.clone(),
            place,
            interval,
            shown: None,
            published: None,
            stats: LoopStats::default(),
            reason: None,
            decided: None,
            record: Bytes::new(),
            is_fresh: false,
            answered: 0,
            report: None,
        };
        Ok(sources.iter().enumerate().map(broadcaster).collect())
    }

    /// Has the frame shown, if somebody watches and it is time to; whether it will be.
    fn show(&mut self, frame: &Frame) -> bool {
        let since = |shown: Instant| frame.instant.saturating_duration_since(shown);
        let due = self.shown.is_none_or(|shown| since(shown) >= self.interval);
        let shows = due && self.live.viewers() > 0;
        if shows {
            self.shown = Some(frame.instant);
            self.preview.submit(self.place, frame, self.answered);
        }
        shows
    }

    fn publish(&mut self) {
        (self.published, self.is_fresh) = (Some(Instant::now()), false);
        let since = |then: Instant| Milliseconds::from(then.elapsed());
        let report = self.report.as_ref();
        let state = LiveState {
            name: self.live.told_name(),
            record: serde_json::from_slice(&self.record).ok(),
            classified: self.stats.classified,
            fps: self.stats.fps.map(|fps| (fps * 100.0).round() / 100.0),
            decided_ms: self.decided.map(since),
            lost_ms: self.stats.lost.map(since),
            ended: self.stats.ending,
            reason: self.reason.as_deref(),
            viewers: self.live.viewers(),
            health: report.map(|report| &report.health[..]),
            drift: report.map(|report| &report.drift[..]),
            accuracy: report.map(|report| &report.accuracy),
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
        (self.record, self.is_fresh) = (event.json()?, true);
        self.stats.classified += 1;
        // Who sees a frame is told its own answer.
        let shows = self.show(event.frame);
        if shows || self.published.is_none_or(|at| at.elapsed() >= PERIOD) {
            self.publish();
        }
        Ok(())
    }

    fn on_skipped(&mut self, frame: &Frame) {
        self.show(frame);
    }

    fn on_report(&mut self, report: &Arc<Report>) {
        self.report = Some(report.clone());
        self.publish();
    }

    fn on_outage(&mut self, error: &Error) {
        self.reason = Some(format!("{error:#}"));
    }

    fn on_stats(&mut self, stats: &LoopStats) -> Result<()> {
        let standing = |stats: &LoopStats| (stats.lost.is_some(), stats.ending);
        let is_news = standing(&self.stats) != standing(stats);
        self.stats = *stats;
        if stats.lost.is_none() && stats.ending != Some(Ending::Broken) {
            self.reason = None;
        }
        let period = match (is_news, self.is_fresh) {
            (true, _) => Duration::ZERO,
            (false, true) => PERIOD,
            (false, false) => IDLE_PERIOD,
        };
        if self.published.is_none_or(|at| at.elapsed() >= period) {
            self.publish();
        }
        Ok(())
    }
}
