//! Watches a live source for months: is the picture sound, has the world changed, how good
//! are the answers likely to be? Nobody has to look, and nothing has to be labelled.
//!
//! A [`Monitor`] belongs to one source. It is told of every frame, skipped ones included, and
//! assesses each in a fraction of the time that decoding takes, without memory of its own
//! after the first.

pub mod health;
mod hours;

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::pipeline::summary::PictureSummary;
use health::{Causes, Health, HealthCause, HealthState, Repeats};

/// How a source is watched.
#[derive(Clone, Copy, Debug, Default)]
pub struct MonitorOptions {
    /// Whether the source can give the same picture twice.
    pub repeats: Repeats,
}

/// What is known of one frame.
#[derive(Clone, Copy, Debug)]
pub struct Observation<'a> {
    /// How its picture looks.
    pub summary: &'a PictureSummary,
    /// When it was captured, for the hour of the day.
    pub time: SystemTime,
    /// The same on the clock that is never set, for how long something lasts.
    pub instant: Instant,
    /// The number that the source itself gave it, where it does: one that stands still is
    /// one frame handed out twice, and says nothing of the picture.
    pub sequence: Option<u64>,
}

/// What is said of one frame.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Assessment {
    /// What is wrong with the picture, and has been for a while.
    pub health: Causes,
}

/// Watches one source.
pub struct Monitor {
    health: Health,
    assessment: Assessment,
}

impl Monitor {
    /// Knows nothing of the source yet.
    pub fn new(options: MonitorOptions) -> Self {
        Self {
            health: Health::new(options.repeats, HealthState::default()),
            assessment: Assessment::default(),
        }
    }

    /// Assesses a frame.
    pub fn observe(&mut self, seen: &Observation<'_>) -> &Assessment {
        let since = seen.time.duration_since(UNIX_EPOCH).unwrap_or_default();
        let at = (since.as_secs(), seen.instant);
        self.assessment.health = self.health.observe(seen.summary, at, seen.sequence);
        &self.assessment
    }

    /// What was said last.
    pub fn assessment(&self) -> &Assessment {
        &self.assessment
    }

    /// Takes a cause that is there for usual from now on: its looks are learned, and it is
    /// told no more once they are known.
    pub fn acknowledge_health(&mut self, cause: HealthCause) {
        self.health.acknowledge(cause);
    }
}
