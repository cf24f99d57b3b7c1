//! Counts what the live loop does with a source.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;

use super::{Metrics, Tally};
use crate::error::Result;
use crate::pipeline::capture::DropCounters;
use crate::session::{FrameEvent, LoopStats, Observer};

/// Why frames are not classified.
const CAUSES: [&str; 5] = ["newer", "camera", "damaged", "paced", "still"];

/// Counters of one live source.
pub struct Meter {
    frames: Tally,
    frame_age: Histogram,
    dropped: [Counter; CAUSES.len()],
    outages: Counter,
    up: Gauge,
}

impl Meter {
    /// The counters of the source that is called `source`, all at zero.
    pub fn new(metrics: &Metrics, source: &str) -> Self {
        let Metrics {
            frames,
            stages,
            predictions,
            ..
        } = metrics;
        let label = ("source", source.to_owned());
        let own = [label.clone()];
        let dropped = |cause: &str| {
            let labels = [("cause", cause.to_owned()), label.clone()];
            metrics.dropped.get_or_create_owned(&labels)
        };
        Self {
            frames: Tally::new(frames, stages, predictions, Some(source)),
            frame_age: metrics.frame_age.get_or_create_owned(&own),
            dropped: CAUSES.map(dropped),
            outages: metrics.outages.get_or_create_owned(&own),
            up: metrics.source_up.get_or_create_owned(&own),
        }
    }
}

impl Observer for Meter {
    fn on_frame(&mut self, event: &FrameEvent) -> Result<()> {
        self.frames.observe(event.context, event.record);
        if let Some(age) = event.record.frame_age {
            self.frame_age.observe(age.as_secs_f64());
        }
        Ok(())
    }

    fn on_stats(&mut self, stats: &LoopStats) -> Result<()> {
        let DropCounters {
            newer,
            camera,
            damaged,
            paced,
            still,
            outages,
        } = stats.drops;
        let counts = [newer, camera, damaged, paced, still];
        for (counter, count) in self.dropped.iter().zip(counts) {
            raise(counter, count);
        }
        raise(&self.outages, outages);
        let is_up = stats.lost.is_none() && stats.ending.is_none();
        self.up.set(i64::from(is_up));
        Ok(())
    }
}

/// Counters only rise; what is moved from one cause to another waits until it does.
pub(super) fn raise(counter: &Counter, count: u64) {
    counter.inc_by(count.saturating_sub(counter.get()));
}
