//! A live source, followed: the newest frames are classified, whoever is to know is told,
//! messages are kept short, and a new model is taken over between two frames.

mod live;
mod observer;
mod recorder;
mod stats;

use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::pipeline::capture::{Frame, Newest, Opened};
use crate::pipeline::record::{Context, Record};
use crate::pipeline::{Pipeline, PipelineMaker, Scores};
use crate::swap::Swap;
use crate::throttle::ThrottledLog;
use live::LiveHandler;
pub use live::LiveOptions;
pub use observer::{FrameEvent, Observer};
pub use recorder::Recorder;
pub use stats::LoopStats;

/// A model that is ready to take over: how its pipelines are made, and a warm one.
pub struct NewModel {
    /// Makes more of them.
    pub maker: PipelineMaker,
    /// The one for the loop.
    pub pipeline: Pipeline,
}

/// What is followed, and by whom.
pub struct Session {
    /// The source.
    pub opened: Opened,
    /// One frame in so many counts.
    pub every: u64,
    /// When it ends, and how fast it runs.
    pub options: LiveOptions,
    /// How pipelines are made.
    pub maker: PipelineMaker,
    /// The first one, warm.
    pub pipeline: Pipeline,
    /// Who is told.
    pub observers: Vec<Box<dyn Observer>>,
    /// Where new models come from.
    pub swap: Swap<NewModel>,
}

impl Session {
    /// Classifies the newest frames until the source ends, a limit is met or `stop` is set.
    ///
    /// # Errors
    /// The source or the model cannot be used; an observer ends the session.
    pub fn run(self, stop: &AtomicBool) -> Result<LoopStats> {
        let mut handler = Handler {
            context: self.maker.context(self.pipeline.engine().identity()),
            observers: self.observers,
            swap: self.swap,
            faults: ThrottledLog::default(),
        };
        let source = Newest::start(self.opened.source, self.opened.policy, self.every);
        let started = Instant::now();
        let stats = live::run(&source, self.pipeline, &self.options, stop, &mut handler)?;
        conclude(&stats, started.elapsed());
        Ok(stats)
    }
}

fn conclude(stats: &LoopStats, passed: Duration) {
    let seconds = passed.as_secs_f64();
    log::info!(
        "{} frames classified in {seconds:.1} s, {:.1} per second; dropped {}",
        stats.classified,
        stats.classified as f64 / seconds.max(1e-3),
        stats.drops
    );
    if stats.classified == 0 {
        log::warn!("the source gave no frame");
    }
}

/// Passes on what the loop says.
struct Handler {
    context: Context,
    observers: Vec<Box<dyn Observer>>,
    swap: Swap<NewModel>,
    faults: ThrottledLog,
}

impl Handler {
    fn take_over(&mut self, NewModel { maker, pipeline }: NewModel) -> Pipeline {
        let identity = pipeline.engine().identity();
        log::info!(
            "{} takes over on {} ({})",
            maker.model.manifest.id(),
            identity.engine,
            identity.provider
        );
        self.context = maker.context(identity);
        for observer in &mut self.observers {
            observer.on_model(&self.context);
        }
        pipeline
    }
}

impl LiveHandler for Handler {
    fn on_frame(&mut self, frame: &Frame, record: &Record, scores: &Scores) -> Result<()> {
        let event = FrameEvent::new(frame, record, scores, &self.context);
        self.observers
            .iter_mut()
            .try_for_each(|observer| observer.on_frame(&event))
    }

    fn on_skipped(&mut self, frame: &Frame) {
        for observer in &mut self.observers {
            observer.on_skipped(frame);
        }
    }

    fn on_fault(&mut self, error: &Error) {
        self.faults
            .warn(format_args!("a frame is skipped: {error:#}"));
    }

    fn on_lost(&mut self, error: &Error) {
        log::warn!("{error:#}");
    }

    fn on_tick(&mut self, stats: &LoopStats) -> Result<Option<Pipeline>> {
        for observer in &mut self.observers {
            observer.on_stats(stats)?;
        }
        let observers = &mut self.observers;
        let new = self.swap.poll(|event| {
            for observer in &mut *observers {
                observer.on_swap(event);
            }
        });
        Ok(new.map(|new| self.take_over(new)))
    }
}
