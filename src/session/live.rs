//! The live loop: of every source the newest frame, classified in turn. It never waits for
//! long, so that a signal, a watchdog or a new model is attended to in every state, lost
//! cameras included.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::follower::Follower;
use super::stats::{Ending, LoopStats};
use super::turn;
use crate::error::{Error, ErrorKind, Result};
use crate::pipeline::capture::{Bell, Frame, Pull};
use crate::pipeline::record::Record;
use crate::pipeline::{Pipeline, Scores};

/// How long anything else may wait for the loop's attention.
const ATTENTION: Duration = Duration::from_millis(50);

/// When the loop ends.
#[derive(Clone, Copy, Debug, Default)]
pub struct LiveOptions {
    /// A source ends after so many classified frames.
    pub frames: Option<u64>,
    /// All end after so long.
    pub stop_after: Option<Duration>,
}

/// Whoever runs the loop. A source is named by its place, from 0.
pub(crate) trait LiveHandler {
    /// A frame was classified; `scores` are those of every class.
    ///
    /// # Errors
    /// The record cannot be passed on; the loop ends.
    fn on_frame(
        &mut self,
        source: usize,
        frame: &Frame,
        record: &Record,
        scores: &Scores,
    ) -> Result<()>;

    /// A frame showed nothing new and was not classified.
    fn on_skipped(&mut self, source: usize, frame: &Frame);

    /// A frame was bad.
    fn on_fault(&mut self, source: usize, error: &Error);

    /// The source is lost and waited for.
    fn on_lost(&mut self, source: usize, error: &Error);

    /// The source cannot be used; unless it is `left_out`, it is tried again.
    ///
    /// # Errors
    /// The loop ends.
    fn on_broken(&mut self, source: usize, error: Error, left_out: bool) -> Result<()>;

    /// The source that could not be used can be.
    fn on_usable(&mut self, source: usize);

    /// Comes several times a second in every state, with how each source is doing. May hand
    /// over another pipeline.
    ///
    /// # Errors
    /// The loop ends.
    fn on_tick(&mut self, stats: &[LoopStats]) -> Result<Option<Pipeline>>;
}

/// Classifies the newest frames until all sources are over, a limit is met or `stop` is set.
/// Gives how each source did.
///
/// # Errors
/// The model fails, or the handler ends the loop.
pub(super) fn run(
    (followers, bell): (Vec<Follower>, Arc<Bell>),
    pipeline: Pipeline,
    options: &LiveOptions,
    stop: &AtomicBool,
    handler: &mut impl LiveHandler,
) -> Result<Vec<LoopStats>> {
    let mut looping = Loop {
        stats: vec![LoopStats::default(); followers.len()],
        pipeline,
        followers,
        bell,
        frames: [Frame::default()],
    };
    let started = Instant::now();
    let late = || {
        let limit = options.stop_after;
        limit.is_some_and(|limit| started.elapsed() >= limit)
    };
    looping.end_at(options.frames);
    while looping.goes_on() && !stop.load(Ordering::Relaxed) && !late() {
        if let Some(another) = handler.on_tick(&looping.stats)? {
            looping.pipeline = another;
        }
        if let Some(source) = looping.next() {
            looping.attend(source, handler)?;
            looping.end_at(options.frames);
        }
    }
    Ok(looping.stats)
}

/// The loop's state.
struct Loop {
    pipeline: Pipeline,
    followers: Vec<Follower>,
    stats: Vec<LoopStats>,
    bell: Arc<Bell>,
    /// The frame being classified; it changes places with the newest of each source in turn.
    frames: [Frame; 1],
}

impl Loop {
    /// Whether something may come of a source. Those that cannot be used are tried again beside
    /// others, not for their own sake.
    fn goes_on(&self) -> bool {
        self.stats.iter().any(|stats| stats.ending.is_none())
    }

    /// The source to attend to; waits for one, but not for long.
    fn next(&mut self) -> Option<usize> {
        let now = Instant::now();
        turn::next(&mut self.followers, now).or_else(|| {
            let rests = self.followers.iter().filter_map(Follower::rests_until);
            let rest = rests
                .min()
                .map(|until| until.saturating_duration_since(now));
            self.bell.wait(rest.unwrap_or(ATTENTION).min(ATTENTION));
            turn::next(&mut self.followers, Instant::now())
        })
    }

    /// Takes what waits at `source`.
    fn attend(&mut self, source: usize, handler: &mut impl LiveHandler) -> Result<()> {
        let now = Instant::now();
        let (follower, stats) = (&mut self.followers[source], &mut self.stats[source]);
        let newest = follower.newest.as_ref();
        match newest.and_then(|newest| newest.take(&mut self.frames[0])) {
            None => {}
            Some(Pull::End) => follower.finish(Ending::Over, stats),
            Some(Pull::Broken(error)) => {
                let left_out = follower.broken(stats);
                handler.on_broken(source, error, left_out)?;
            }
            Some(Pull::Failed(error)) => handler.on_fault(source, &error),
            Some(Pull::Lost(error)) => {
                follower.lost(stats);
                handler.on_lost(source, &error);
            }
            Some(Pull::Frame) => {
                follower.paced(now);
                self.classify(source, handler)?;
            }
        }
        self.followers[source].count(&mut self.stats[source]);
        Ok(())
    }

    fn classify(&mut self, source: usize, handler: &mut impl LiveHandler) -> Result<()> {
        let (follower, stats) = (&mut self.followers[source], &mut self.stats[source]);
        let [frame] = &mut self.frames;
        stats.lost = None;
        if stats.ending.take().is_some() {
            handler.on_usable(source);
        }
        frame.number = stats.classified + follower.own.damaged;
        frame.drops = frame.drops + follower.own;
        let records = &mut follower.records;
        self.pipeline.classify_of(source, &self.frames, records);
        let ([frame], [record]) = (&self.frames, records);
        match record.failure.take() {
            None if record.skipped => {
                follower.own.still += 1;
                handler.on_skipped(source, frame);
            }
            None => {
                follower.classified(stats);
                let [record] = &follower.records;
                handler.on_frame(source, frame, record, self.pipeline.scores())?;
            }
            Some(error) if error.kind() != ErrorKind::Input => return Err(error),
            Some(error) => {
                follower.own.damaged += 1;
                handler.on_fault(source, &error);
            }
        }
        Ok(())
    }

    /// Ends every source that has given `limit` frames.
    fn end_at(&mut self, limit: Option<u64>) {
        let Some(limit) = limit else {
            return;
        };
        for (follower, stats) in self.followers.iter_mut().zip(&mut self.stats) {
            if follower.newest.is_some() && stats.classified >= limit {
                follower.finish(Ending::Over, stats);
            }
        }
    }
}
