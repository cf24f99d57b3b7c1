//! One source as the loop follows it: its newest frame, its pace, and how it is doing.

use std::time::{Duration, Instant};

use super::crew::Work;
use super::stats::{Ending, FrameRate, LoopStats};
use crate::pipeline::capture::{ChildHandles, DropCounters, Newest, Waiting};
use crate::pipeline::record::Record;

/// A source, its own state and counters.
pub(super) struct Follower {
    /// Where its frames come in, until it is over.
    pub(super) newest: Option<Newest>,
    /// The programs that give them.
    children: ChildHandles,
    /// What is said about its newest frame.
    pub(super) record: Record,
    /// Whether that is being found out.
    in_work: bool,
    /// What only the loop knows of: frames that cannot be decoded, or show nothing new.
    pub(super) own: DropCounters,
    /// When it had its last turn.
    pub(super) last_turn: Option<Instant>,
    /// How many it had, or is taken to have had: see `turn`.
    pub(super) turns: u64,
    rate: FrameRate,
    interval: Duration,
    /// When the next frame may be taken.
    due: Instant,
    /// Whether that has not come yet, as far as the loop has noticed.
    rests: bool,
}

impl Follower {
    /// Follows what comes in at `newest`, at most `max_fps` frames per second, into records
    /// like `record`.
    pub(super) fn new(
        newest: Newest,
        children: ChildHandles,
        max_fps: Option<f64>,
        record: Record,
    ) -> Self {
        Self {
            newest: Some(newest),
            children,
            record,
            in_work: false,
            own: DropCounters::default(),
            last_turn: None,
            turns: 0,
            rate: FrameRate::default(),
            interval: max_fps.map_or(Duration::ZERO, |fps| Duration::from_secs_f64(1.0 / fps)),
            due: Instant::now(),
            rests: false,
        }
    }

    /// Whether something waits that may be looked at `now`. A fault waits its turn as a frame
    /// does: a source that gives nothing else must not keep the others waiting.
    pub(super) fn has_something(&mut self, now: Instant) -> bool {
        let Some(newest) = &self.newest else {
            return false;
        };
        if self.rests && now >= self.due {
            self.rests = false;
            newest.end_rest();
        }
        if self.in_work {
            return false;
        }
        match newest.waiting() {
            Waiting::Nothing => false,
            Waiting::Frame => !self.rests,
            Waiting::News => true,
        }
    }

    /// When a frame may be taken again, if none may now.
    pub(super) fn rests_until(&self) -> Option<Instant> {
        (self.newest.is_some() && self.rests).then_some(self.due)
    }

    /// A frame was taken `now`; when the next one may be.
    pub(super) fn paced(&mut self, now: Instant) {
        if self.interval.is_zero() {
            return;
        }
        self.due = (self.due + self.interval).max(now);
        self.rests = true;
        if let Some(newest) = &self.newest {
            newest.rest(self.due);
        }
    }

    /// Its newest frame goes into work, as one of the source at place `source`.
    pub(super) fn hand_out(&mut self, work: &mut Work, source: usize, stats: &LoopStats) {
        work.source = source;
        work.frame.number = stats.classified + self.own.damaged;
        work.frame.drops = work.frame.drops + self.own;
        std::mem::swap(&mut work.record, &mut self.record);
        self.in_work = true;
    }

    /// It comes back.
    pub(super) fn take_back(&mut self, work: &mut Work) {
        std::mem::swap(&mut work.record, &mut self.record);
        self.in_work = false;
    }

    /// A frame was classified.
    pub(super) fn classified(&mut self, stats: &mut LoopStats) {
        stats.classified += 1;
        stats.fps = self.rate.enter(Instant::now());
    }

    /// The source is lost and waited for.
    pub(super) fn lost(&mut self, stats: &mut LoopStats) {
        (stats.lost, stats.ending, stats.fps) = (Some(Instant::now()), None, None);
        self.rate = FrameRate::default();
    }

    /// The source cannot be used; whether it is left alone for that.
    pub(super) fn broken(&mut self, stats: &mut LoopStats) -> bool {
        let is_over = self.newest.as_ref().is_none_or(Newest::is_over);
        if is_over {
            self.finish(Ending::Broken, stats);
        } else {
            (stats.ending, stats.lost, stats.fps) = (Some(Ending::Broken), None, None);
        }
        is_over
    }

    /// Counts what capturing has left out.
    pub(super) fn count(&self, stats: &mut LoopStats) {
        if let Some(newest) = &self.newest {
            stats.drops = newest.drops() + self.own;
        }
    }

    /// The source is left alone from now on.
    pub(super) fn finish(&mut self, ending: Ending, stats: &mut LoopStats) {
        self.count(stats);
        self.newest = None;
        self.children = ChildHandles::default();
        (stats.ending, stats.lost, stats.fps) = (Some(ending), None, None);
    }
}
