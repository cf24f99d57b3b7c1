//! The live loop: the newest frame, classified; then the next newest. It never waits for
//! long, so that a signal, a watchdog or a new model is attended to in every state, a
//! lost camera included.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::Pipeline;
use super::capture::{Frame, Newest, Taken, Tally};
use super::score::Scores;
use super::write::Record;
use crate::error::{Error, ErrorKind, Result};

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

/// How the loop stands.
#[derive(Clone, Copy, Debug, Default)]
pub struct Standing {
    /// Frames classified so far.
    pub classified: u64,
    /// Frames that were not, by cause.
    pub tally: Tally,
    /// Since when the source is lost, if it is.
    pub lost: Option<Instant>,
    /// Frames classified per second, averaged over the last ten or so.
    pub fps: Option<f64>,
}

/// Share by which a new interval enters the average frame rate.
const SHARE: f64 = 0.1;

/// The average frame rate.
#[derive(Default)]
struct Pace {
    last: Option<Instant>,
    seconds: Option<f64>,
}

impl Pace {
    /// A frame was classified `now`.
    fn enter(&mut self, now: Instant) -> Option<f64> {
        if let Some(last) = self.last.replace(now) {
            let seconds = (now - last).as_secs_f64();
            let average = self.seconds.get_or_insert(seconds);
            *average += SHARE * (seconds - *average);
        }
        self.seconds.map(|seconds| 1.0 / seconds.max(1e-6))
    }
}

/// Whoever runs the loop.
pub trait Host {
    /// A frame was classified; `scores` are those of every class.
    ///
    /// # Errors
    /// The record cannot be passed on; the loop ends.
    fn record(&mut self, frame: &Frame, record: &Record, scores: &Scores) -> Result<()>;

    /// A frame showed nothing new and was not classified.
    fn still(&mut self, frame: &Frame);

    /// A frame was bad.
    fn fault(&mut self, error: &Error);

    /// The source is lost and waited for.
    fn lost(&mut self, error: &Error);

    /// Comes several times a second in every state. May hand over another pipeline.
    ///
    /// # Errors
    /// The loop ends.
    fn tick(&mut self, standing: &Standing) -> Result<Option<Pipeline>>;
}

/// Classifies the newest frames until the source ends, a limit is met or `stop` is set.
///
/// # Errors
/// The source cannot be used at all, the model fails, or the host ends the loop.
pub fn run(
    source: &Newest,
    mut pipeline: Pipeline,
    options: &LiveOptions,
    stop: &AtomicBool,
    host: &mut impl Host,
) -> Result<Standing> {
    let interval = options
        .max_fps
        .map_or(Duration::ZERO, |fps| Duration::from_secs_f64(1.0 / fps));
    let started = Instant::now();
    let mut due = started;
    let (mut standing, mut pace) = (Standing::default(), Pace::default());
    // What only the loop knows of: frames that cannot be decoded, or show nothing new.
    let mut own = Tally::default();
    let (mut frames, mut records) = ([Frame::default()], [Record::default()]);
    let over = |classified: u64| {
        stop.load(Ordering::Relaxed)
            || options
                .stop_after
                .is_some_and(|limit| started.elapsed() >= limit)
            || options.frames.is_some_and(|limit| classified >= limit)
    };
    while !over(standing.classified) {
        if let Some(another) = host.tick(&standing)? {
            pipeline = another;
        }
        let now = Instant::now();
        if now < due {
            source.let_pass(due.min(now + ATTENTION));
            continue;
        }
        match source.take(&mut frames[0], ATTENTION) {
            Taken::Nothing => {}
            Taken::End => break,
            Taken::Broken(error) => return Err(error),
            Taken::Failed(error) => host.fault(&error),
            Taken::Lost(error) => {
                (standing.lost, standing.fps) = (Some(now), None);
                pace = Pace::default();
                host.lost(&error);
            }
            Taken::Frame => {
                standing.lost = None;
                due = (due + interval).max(now);
                frames[0].number = standing.classified + own.damaged;
                frames[0].tally = frames[0].tally + own;
                pipeline.classify(&frames, &mut records);
                match records[0].failure.take() {
                    None if records[0].still => {
                        own.still += 1;
                        host.still(&frames[0]);
                    }
                    None => {
                        standing.classified += 1;
                        standing.fps = pace.enter(Instant::now());
                        host.record(&frames[0], &records[0], pipeline.scores())?;
                    }
                    Some(error) if error.kind() != ErrorKind::Input => return Err(error),
                    Some(error) => {
                        own.damaged += 1;
                        host.fault(&error);
                    }
                }
            }
        }
        standing.tally = source.tally() + own;
    }
    Ok(standing)
}
