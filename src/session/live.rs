//! The live loop: of every source the newest frame, classified in turn. It never waits for
//! long, so that a signal, a watchdog or a new model is attended to in every state, lost
//! cameras included.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::NewModel;
use super::crew::{Crew, Work};
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
    /// A frame was classified; `scores` are those of every class. The record is completed.
    ///
    /// # Errors
    /// The record cannot be passed on; the loop ends.
    fn on_frame(
        &mut self,
        source: usize,
        frame: &Frame,
        record: &mut Record,
        scores: &Scores,
    ) -> Result<()>;

    /// A frame showed nothing new and was not classified.
    fn on_skipped(&mut self, source: usize, frame: &Frame, record: &mut Record);

    /// Whether a frame that was captured `at` is to be measured.
    fn wants_summary(&self, source: usize, at: Instant) -> bool;

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
    /// over another model.
    ///
    /// # Errors
    /// The loop ends.
    fn on_tick(&mut self, stats: &[LoopStats]) -> Result<Option<NewModel>>;

    /// That model takes over: what comes from now on is its own. Gives its pipeline.
    fn take_over(&mut self, new: NewModel) -> Pipeline;
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
        crew: Crew::new(pipeline, &bell),
        followers,
        bell,
    };
    let started = Instant::now();
    let late = || {
        let limit = options.stop_after;
        limit.is_some_and(|limit| started.elapsed() >= limit)
    };
    looping.end_at(options.frames);
    while looping.goes_on() && !stop.load(Ordering::Relaxed) && !late() {
        if let Some(another) = handler.on_tick(&looping.stats)? {
            // What the old one has in work is told as its own.
            looping.finish_work(handler)?;
            looping.crew = Crew::new(handler.take_over(another), &looping.bell);
        }
        looping.collect(handler)?;
        looping.end_at(options.frames);
        if looping.goes_on()
            && let Some(source) = looping.next()
        {
            looping.attend(source, handler)?;
        }
    }
    looping.finish_work(handler)?;
    Ok(looping.stats)
}

/// The loop's state.
struct Loop {
    crew: Crew,
    followers: Vec<Follower>,
    stats: Vec<LoopStats>,
    bell: Arc<Bell>,
}

impl Loop {
    /// Whether something may come of a source. Those that cannot be used are tried again beside
    /// others, not for their own sake.
    fn goes_on(&self) -> bool {
        self.stats.iter().any(|stats| stats.ending.is_none())
    }

    /// The source to attend to; waits for one, but not for long.
    fn next(&mut self) -> Option<usize> {
        if self.crew.free().is_none() {
            self.bell.wait(ATTENTION);
            return None;
        }
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
        let Some(work) = self.crew.free() else {
            return Ok(());
        };
        let newest = follower.newest.as_ref();
        match newest.and_then(|newest| newest.take(&mut work.frame)) {
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
                self.begin(source, handler)?;
            }
        }
        self.followers[source].count(&mut self.stats[source]);
        Ok(())
    }

    /// Begins to classify the frame that was taken.
    fn begin(&mut self, source: usize, handler: &mut impl LiveHandler) -> Result<()> {
        let (follower, stats) = (&mut self.followers[source], &mut self.stats[source]);
        stats.lost = None;
        if stats.ending.take().is_some() {
            handler.on_usable(source);
        }
        if let Some(work) = self.crew.free() {
            follower.hand_out(work, source, stats);
            work.record.wants_summary = handler.wants_summary(source, work.frame.instant);
        }
        self.crew.begin();
        let Crew::Alone(pipeline, work) = &mut self.crew else {
            return Ok(());
        };
        let follower = &mut self.followers[source];
        follower.take_back(work);
        conclude(follower, stats, (source, work, pipeline.scores()), handler)
    }

    /// Tells of what workers have done since.
    fn collect(&mut self, handler: &mut impl LiveHandler) -> Result<()> {
        let Crew::Several(workers) = &mut self.crew else {
            return Ok(());
        };
        while let Some(mut work) = workers.done()? {
            let source = work.source;
            let (follower, stats) = (&mut self.followers[source], &mut self.stats[source]);
            follower.take_back(&mut work);
            conclude(follower, stats, (source, &work, &work.scores), handler)?;
            follower.count(stats);
            workers.give_back(work);
        }
        Ok(())
    }

    /// Waits until nothing is in work, which takes a frame's time, and tells of it.
    fn finish_work(&mut self, handler: &mut impl LiveHandler) -> Result<()> {
        self.collect(handler)?;
        while matches!(&self.crew, Crew::Several(workers) if workers.is_busy()) {
            self.bell.wait(ATTENTION);
            self.collect(handler)?;
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

/// Counts and tells what became of a frame.
fn conclude(
    follower: &mut Follower,
    stats: &mut LoopStats,
    (source, work, scores): (usize, &Work, &Scores),
    handler: &mut impl LiveHandler,
) -> Result<()> {
    match follower.record.failure.take() {
        None if follower.record.skipped => {
            follower.own.still += 1;
            handler.on_skipped(source, &work.frame, &mut follower.record);
        }
        None => {
            follower.classified(stats);
            handler.on_frame(source, &work.frame, &mut follower.record, scores)?;
        }
        Some(error) if error.kind() != ErrorKind::Input => return Err(error),
        Some(error) => {
            follower.own.damaged += 1;
            handler.on_fault(source, &error);
        }
    }
    Ok(())
}
