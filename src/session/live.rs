//! The live loop: the newest frame, classified; then the next newest. It never waits for
//! long, so that a signal, a watchdog or a new model is attended to in every state, a
//! lost camera included.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::stats::{FrameRate, LoopStats};
use crate::error::{Error, ErrorKind, Result};
use crate::pipeline::capture::{DropCounters, Frame, Newest, Pull};
use crate::pipeline::record::Record;
use crate::pipeline::{Pipeline, Scores};

/// How long anything else may wait for the loop's attention.
const ATTENTION: Duration = Duration::from_millis(50);

/// When the loop ends, and how fast it runs.
#[derive(Clone, Copy, Debug, Default)]
pub struct LiveOptions {
    /// Ends after so many classified frames.
    pub frames: Option<u64>,
    /// Ends after so long.
    pub stop_after: Option<Duration>,
    /// At most so many frames are classified per second.
    pub max_fps: Option<f64>,
}

/// Whoever runs the loop.
pub(crate) trait LiveHandler {
    /// A frame was classified; `scores` are those of every class.
    ///
    /// # Errors
    /// The record cannot be passed on; the loop ends.
    fn on_frame(&mut self, frame: &Frame, record: &Record, scores: &Scores) -> Result<()>;

    /// A frame showed nothing new and was not classified.
    fn on_skipped(&mut self, frame: &Frame);

    /// A frame was bad.
    fn on_fault(&mut self, error: &Error);

    /// The source is lost and waited for.
    fn on_lost(&mut self, error: &Error);

    /// Comes several times a second in every state. May hand over another pipeline.
    ///
    /// # Errors
    /// The loop ends.
    fn on_tick(&mut self, stats: &LoopStats) -> Result<Option<Pipeline>>;
}

/// Classifies the newest frames until the source ends, a limit is met or `stop` is set.
///
/// # Errors
/// The source cannot be used at all, the model fails, or the handler ends the loop.
pub(crate) fn run(
    source: &Newest,
    pipeline: Pipeline,
    options: &LiveOptions,
    stop: &AtomicBool,
    handler: &mut impl LiveHandler,
) -> Result<LoopStats> {
    let mut looping = Loop {
        pipeline,
        stats: LoopStats::default(),
        rate: FrameRate::default(),
        own: DropCounters::default(),
        frames: [Frame::default()],
        records: [Record::default()],
    };
    let interval = options
        .max_fps
        .map_or(Duration::ZERO, |fps| Duration::from_secs_f64(1.0 / fps));
    let started = Instant::now();
    let mut due = started;
    let over = |classified: u64| {
        stop.load(Ordering::Relaxed)
            || options
                .stop_after
                .is_some_and(|limit| started.elapsed() >= limit)
            || options.frames.is_some_and(|limit| classified >= limit)
    };
    while !over(looping.stats.classified) {
        if let Some(another) = handler.on_tick(&looping.stats)? {
            looping.pipeline = another;
        }
        let now = Instant::now();
        if now < due {
            source.let_pass(due.min(now + ATTENTION));
            continue;
        }
        match source.take(&mut looping.frames[0], ATTENTION) {
            None => {}
            Some(Pull::End) => break,
            Some(Pull::Broken(error)) => return Err(error),
            Some(Pull::Failed(error)) => handler.on_fault(&error),
            Some(Pull::Lost(error)) => looping.lose(&error, now, handler),
            Some(Pull::Frame) => {
                due = (due + interval).max(now);
                looping.classify(handler)?;
            }
        }
        looping.stats.drops = source.drops() + looping.own;
    }
    Ok(looping.stats)
}

/// The loop's state.
struct Loop {
    pipeline: Pipeline,
    stats: LoopStats,
    rate: FrameRate,
    /// What only the loop knows of: frames that cannot be decoded, or show nothing new.
    own: DropCounters,
    frames: [Frame; 1],
    records: [Record; 1],
}

impl Loop {
    fn lose(&mut self, error: &Error, now: Instant, handler: &mut impl LiveHandler) {
        (self.stats.lost, self.stats.fps) = (Some(now), None);
        self.rate = FrameRate::default();
        handler.on_lost(error);
    }

    fn classify(&mut self, handler: &mut impl LiveHandler) -> Result<()> {
        let [frame] = &mut self.frames;
        self.stats.lost = None;
        frame.number = self.stats.classified + self.own.damaged;
        frame.drops = frame.drops + self.own;
        self.pipeline.classify(&self.frames, &mut self.records);
        let ([frame], [record]) = (&self.frames, &mut self.records);
        match record.failure.take() {
            None if record.skipped => {
                self.own.still += 1;
                handler.on_skipped(frame);
            }
            None => {
                self.stats.classified += 1;
                self.stats.fps = self.rate.enter(Instant::now());
                handler.on_frame(frame, record, self.pipeline.scores())?;
            }
            Some(error) if error.kind() != ErrorKind::Input => return Err(error),
            Some(error) => {
                self.own.damaged += 1;
                handler.on_fault(&error);
            }
        }
        Ok(())
    }
}
