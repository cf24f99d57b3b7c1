//! What a broker is told of one source, and when.

use std::sync::Arc;
use std::time::Instant;

use serde_json::json;

use super::link::Link;
use super::{Message, MqttOptions, discovery};
use crate::error::Result;
use crate::monitor::Report;
use crate::pipeline::record::Context;
use crate::session::{FrameEvent, LoopStats, Observer};
use crate::throttle::ThrottledLog;

/// Has a broker told of one source.
pub struct MqttObserver {
    link: Arc<Link>,
    options: Arc<MqttOptions>,
    name: Option<String>,
    beat: Instant,
    /// When the status was last told, and whether there was a problem.
    reported: Option<(Instant, bool)>,
    /// What is known of the picture and the world, if the source is watched.
    watched: Option<Watched>,
    full: ThrottledLog,
}

/// What the status tells of a watched source.
struct Watched {
    health: Vec<String>,
    drift: Vec<String>,
    accuracy: Option<f64>,
}

impl MqttObserver {
    /// An observer of the source `name`, which announces the device at once.
    pub(super) fn new(
        link: Arc<Link>,
        options: Arc<MqttOptions>,
        name: Option<&str>,
        context: &Context,
    ) -> Self {
        let mut observer = Self {
            link,
            options,
            name: name.map(str::to_owned),
            beat: Instant::now(),
            reported: None,
            watched: None,
            full: ThrottledLog::default(),
        };
        observer.on_model(context);
        observer
    }
}

impl Observer for MqttObserver {
    fn on_frame(&mut self, event: &FrameEvent) -> Result<()> {
        let changed = event.record.decision.change.is_some();
        if changed || self.beat.elapsed() >= self.options.heartbeat {
            self.beat = Instant::now();
            let record = event.json()?;
            let message = if changed {
                Message::Change(record)
            } else {
                Message::Beat(record)
            };
            self.link.send(message, &mut self.full);
        }
        Ok(())
    }

    fn on_stats(&mut self, stats: &LoopStats) -> Result<()> {
        // One that has ended while others go on is not seen by any more, either.
        let problem = stats.lost.is_some() || stats.ending.is_some();
        let due = self
            .reported
            .is_none_or(|(at, before)| before != problem || at.elapsed() >= self.options.heartbeat);
        if due {
            self.reported = Some((Instant::now(), problem));
            let mut status = json!({
                "problem": if problem { "ON" } else { "OFF" },
                "fps": stats.fps.map_or(0.0, |fps| (fps * 10.0).round() / 10.0),
                "classified": stats.classified,
                "dropped": stats.drops.dropped(),
                "drops": stats.drops,
            });
            if let Some(watched) = &self.watched {
                status["health"] = watched.health.clone().into();
                status["drift"] = watched.drift.clone().into();
                status["estimated_accuracy"] = watched.accuracy.into();
            }
            let topic = self.options.address.topic_of(self.name.as_deref());
            let message = Message::Present {
                topic: format!("{topic}/status"),
                payload: status.to_string().into(),
            };
            self.link.send(message, &mut self.full);
        }
        Ok(())
    }

    fn on_report(&mut self, report: &Arc<Report>) {
        let drifting = report.drift.iter().map(|alarm| alarm.statistic.clone());
        let health = report.health.iter().map(|cause| cause.name().to_owned());
        let watched = Watched {
            health: health.collect(),
            drift: drifting.collect(),
            // As many digits as mean something.
            accuracy: report
                .accuracy
                .estimate
                .map(|share| (f64::from(share) * 1000.0).round() / 1000.0),
        };
        let standing = |w: &Watched| (w.health.clone(), w.drift.clone());
        if self.watched.as_ref().map(standing) != Some(standing(&watched)) {
            self.reported = None;
        }
        self.watched = Some(watched);
    }

    fn on_model(&mut self, context: &Context) {
        if let Some(message) = discovery::message(&self.options, self.name.as_deref(), context) {
            self.link.send(message, &mut self.full);
        }
    }
}
