//! Counts what a ring keeps of one source's frames.

use std::sync::Arc;

use prometheus_client::metrics::counter::Counter;

use super::Metrics;
use super::meter::raise;
use crate::error::Result;
use crate::monitor::ring::{Reason, RingCounts};
use crate::session::{FrameEvent, LoopStats, Observer};

/// What becomes of a frame that is looked at.
const OUTCOMES: [&str; 4] = ["kept", "dropped", "missed", "deleted"];

/// Counters of one source's ring.
pub struct RingMeter {
    counts: Arc<RingCounts>,
    /// By reason, and by outcome.
    counters: [[Counter; OUTCOMES.len()]; Reason::ALL.len()],
}

impl RingMeter {
    /// The counters for the `counts` of the source that is called `source`.
    pub fn new(metrics: &Metrics, source: &str, counts: Arc<RingCounts>) -> Self {
        let counter = |reason: Reason, outcome: &str| {
            let labels = [
                ("outcome", outcome.to_owned()),
                ("reason", reason.name().to_owned()),
                ("source", source.to_owned()),
            ];
            metrics.ring.get_or_create_owned(&labels)
        };
        Self {
            counts,
            counters: Reason::ALL.map(|reason| OUTCOMES.map(|outcome| counter(reason, outcome))),
        }
    }
}

impl Observer for RingMeter {
    fn on_frame(&mut self, _: &FrameEvent) -> Result<()> {
        Ok(())
    }

    fn on_stats(&mut self, _: &LoopStats) -> Result<()> {
        let counts = &self.counts;
        for (reason, counters) in Reason::ALL.into_iter().zip(&self.counters) {
            let now = [
                counts.kept(reason),
                counts.dropped(reason),
                counts.missed(reason),
                counts.deleted(reason),
            ];
            for (counter, count) in counters.iter().zip(now) {
                raise(counter, count);
            }
        }
        Ok(())
    }
}
