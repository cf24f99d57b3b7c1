//! Following a live source, for `ocelli run` and `ocelli serve`: the loop's host. Whoever
//! is to know is told, messages are kept short, the service manager is told, a new model
//! is taken over.

mod output;
mod reload;
mod service;

use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use super::{Finding, PipelineMaker};
use crate::audience::{Audience, Moment};
use crate::error::{Error, Result};
use crate::pipeline::Pipeline;
use crate::pipeline::capture::{Frame, Newest, Opened};
use crate::pipeline::live::{self, Host, LiveOptions, Standing};
use crate::pipeline::score::Scores;
use crate::pipeline::write::{Context, Record};
use crate::seldom::Seldom;
pub use output::{Lines, Recorder, Screen};
pub use reload::Reload;
pub use service::Service;

/// A model that is ready to take over: how its pipelines are made, and a warm one.
pub struct Successor {
    /// Makes more of them.
    pub maker: PipelineMaker,
    /// The one for the loop.
    pub pipeline: Pipeline,
}

/// What is followed, and by whom.
pub struct Following {
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
    pub audience: Vec<Box<dyn Audience>>,
    /// Where new models come from.
    pub reload: Reload<Successor>,
}

impl Following {
    /// Classifies the newest frames until the source ends or is stopped.
    ///
    /// # Errors
    /// The source or the model cannot be used; the output is closed.
    pub fn run(self, stop: &AtomicBool) -> Result<Finding> {
        let mut follower = Follower {
            context: self.maker.context(self.pipeline.engine().identity()),
            audience: self.audience,
            service: Service::new(),
            reload: self.reload,
            faults: Seldom::default(),
        };
        let source = Newest::start(self.opened.source, self.opened.policy, self.every);
        follower.service.ready();
        let started = Instant::now();
        let standing = live::run(&source, self.pipeline, &self.options, stop, &mut follower)?;
        follower.service.stopping();
        conclude(&standing, started.elapsed());
        Ok(Finding::Good)
    }
}

fn conclude(standing: &Standing, passed: Duration) {
    let seconds = passed.as_secs_f64();
    log::info!(
        "{} frames classified in {seconds:.1} s, {:.1} per second; dropped {}",
        standing.classified,
        standing.classified as f64 / seconds.max(1e-3),
        standing.tally
    );
    if standing.classified == 0 {
        log::warn!("the source gave no frame");
    }
}

/// The loop's host.
struct Follower {
    context: Context,
    audience: Vec<Box<dyn Audience>>,
    service: Service,
    reload: Reload<Successor>,
    faults: Seldom,
}

impl Follower {
    fn take_over(&mut self, successor: Successor) -> Pipeline {
        let Successor { maker, pipeline } = successor;
        let identity = pipeline.engine().identity();
        log::info!(
            "{} takes over on {} ({})",
            maker.model.manifest.id(),
            identity.engine,
            identity.provider
        );
        self.context = maker.context(identity);
        for someone in &mut self.audience {
            someone.set_context(&self.context);
        }
        pipeline
    }
}

impl Host for Follower {
    fn record(&mut self, frame: &Frame, record: &Record, scores: &Scores) -> Result<()> {
        let moment = Moment::new(frame, record, scores, &self.context);
        self.audience
            .iter_mut()
            .try_for_each(|someone| someone.moment(&moment))
    }

    fn still(&mut self, frame: &Frame) {
        for someone in &mut self.audience {
            someone.glimpse(frame);
        }
    }

    fn fault(&mut self, error: &Error) {
        self.faults
            .warn(format_args!("a frame is skipped: {error}"));
    }

    fn lost(&mut self, error: &Error) {
        log::warn!("{error}");
    }

    fn tick(&mut self, standing: &Standing) -> Result<Option<Pipeline>> {
        self.service.alive(standing.classified, standing.lost);
        for someone in &mut self.audience {
            someone.standing(standing)?;
        }
        let successor = self.reload.attend(&self.service);
        Ok(successor.map(|successor| self.take_over(successor)))
    }
}
