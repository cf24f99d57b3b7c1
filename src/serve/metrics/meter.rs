//! Counts what the live loop does with a source.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;

use super::{Label, Labels, Metrics, Tally};
use crate::error::Result;
use crate::monitor::Report;
use crate::monitor::health::HealthCause;
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
    watched: Watched,
}

/// What the source's monitor tells.
struct Watched {
    source: Label,
    health: Family<Labels<2>, Gauge>,
    drift: Family<Labels<2>, Gauge>,
    accuracy: Family<Labels<1>, Gauge<f64, AtomicU64>>,
    /// Statistics that are shown.
    statistics: Vec<String>,
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
            watched: Watched {
                source: label,
                health: metrics.health.clone(),
                drift: metrics.drift.clone(),
                accuracy: metrics.accuracy.clone(),
                statistics: Vec::new(),
            },
        }
    }
}

impl Watched {
    fn show(&mut self, report: &Report) {
        let with = |name, value: &str| [(name, value.to_owned()), self.source.clone()];
        for cause in HealthCause::ALL {
            let is_there = report.health.contains(&cause);
            let labels = with("cause", cause.name());
            self.health.get_or_create(&labels).set(i64::from(is_there));
        }
        let named = report.statistics.iter().map(|s| s.statistic.clone());
        let statistics: Vec<String> = named.collect();
        for gone in self.statistics.iter().filter(|s| !statistics.contains(s)) {
            self.drift.remove(&with("statistic", gone));
        }
        for name in &statistics {
            let drifts = report.drift.iter().any(|alarm| alarm.statistic == *name);
            let labels = with("statistic", name);
            self.drift.get_or_create(&labels).set(i64::from(drifts));
        }
        let own = [self.source.clone()];
        match report.accuracy.estimate {
            Some(estimate) => {
                self.accuracy.get_or_create(&own).set(estimate.into());
            }
            None => {
                self.accuracy.remove(&own);
            }
        }
        self.statistics = statistics;
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

    fn on_report(&mut self, report: &Arc<Report>) {
        self.watched.show(report);
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
