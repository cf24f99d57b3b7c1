//! Live sources, followed: the newest frames are classified, whoever is to know is told,
//! messages are kept short, and a new model is taken over between two frames.

mod crew;
mod follower;
mod live;
mod observer;
mod recorder;
mod source;
mod state_writer;
mod stats;
mod telling;
mod turn;
mod watcher;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use crate::error::{Error, Result};
use crate::pipeline::capture::Bell;
use crate::pipeline::{Pipeline, PipelineMaker};
use crate::swap::Swap;
pub use live::LiveOptions;
pub use observer::{FrameEvent, Observer};
pub use recorder::Recorder;
pub use source::LiveSource;
pub use stats::{Ending, LoopStats};
use telling::Telling;
pub use watcher::{MonitorStateOptions, WatchOptions};

/// A model that is ready to take over: how its pipelines are made, and a warm one.
pub struct NewModel {
    /// Makes more of them.
    pub maker: PipelineMaker,
    /// The one for the loop.
    pub pipeline: Pipeline,
}

/// What is followed, and by whom.
pub struct Session {
    /// The sources: as many as the pipelines serve.
    pub sources: Vec<LiveSource>,
    /// When it ends.
    pub options: LiveOptions,
    /// How pipelines are made.
    pub maker: PipelineMaker,
    /// The first one, warm.
    pub pipeline: Pipeline,
    /// Who is told of all sources.
    pub observers: Vec<Box<dyn Observer>>,
    /// Where new models come from.
    pub swap: Swap<NewModel>,
}

impl Session {
    /// Classifies the newest frames until all sources are over, a limit is met or `stop` is
    /// set. A source that cannot be used is tried again while there are others. Gives how each
    /// source did.
    ///
    /// # Errors
    /// No source can be used, or the model cannot; an observer ends the session; the pipeline
    /// is made for another number of sources.
    pub fn run(self, stop: &AtomicBool) -> Result<Vec<LoopStats>> {
        let (served, sources) = (self.pipeline.sources(), self.sources.len());
        if served != sources {
            return Err(
                Error::usage("session", "the pipeline serves another number of sources")
                    .with_expected(sources.to_string())
                    .with_found(served.to_string()),
            );
        }
        let bell = Arc::new(Bell::default());
        let context = self.maker.context(self.pipeline.engine().identity());
        let (followers, told) = {
            let started = self.sources.into_iter();
            let model = &self.maker.model;
            started.map(|s| s.start(&bell, sources > 1, model)).unzip()
        };
        let mut telling = Telling::new(context, told, self.observers, self.swap);
        let started = Instant::now();
        let (pipeline, options) = (self.pipeline, &self.options);
        let stats = live::run((followers, bell), pipeline, options, stop, &mut telling)?;
        telling.conclude(&stats, started.elapsed());
        Ok(stats)
    }
}
