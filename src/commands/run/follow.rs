//! `ocelli run` on a live source: the loop's host. Records go out, messages are kept
//! short, the service manager is told, a new model is taken over.

use std::io::{IsTerminal, Stdout};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use super::reload::{News, Reload, Successor};
use super::service::Service;
use crate::cli::RunArgs;
use crate::commands::{Finding, PipelineMaker, verify};
use crate::engine::Identity;
use crate::error::{Error, Result};
use crate::model::Model;
use crate::pipeline::Pipeline;
use crate::pipeline::capture::{Frame, Newest, Opened};
use crate::pipeline::live::{self, Host, Standing};
use crate::pipeline::write::{Context, Format, Record, Recording, View, Writer};

/// Bad frames are told of at most so often; all are counted.
const BETWEEN_FAULTS: Duration = Duration::from_secs(10);

/// Classifies the newest frames of a live source until it ends or is stopped.
///
/// # Errors
/// The source or the model cannot be used; the output is closed.
pub fn follow(
    args: &RunArgs,
    opened: Opened,
    maker: PipelineMaker,
    mut pipeline: Pipeline,
    stop: &AtomicBool,
) -> Result<Finding> {
    pipeline.warm_up()?;
    let context = context(&maker.model, pipeline.engine().identity(), args.top_k);
    let reload = {
        let (path, facts) = (args.model.model.clone(), args.model.facts.wishes());
        let maker = maker.clone();
        Reload::new(move || {
            let model = Arc::new(Model::open(&path, facts.clone())?);
            let mut maker = maker.with_model(model.clone())?;
            maker.options.batch = model.file.fixed_batch.unwrap_or(1);
            verify::prove(&model, &maker.engines)?;
            let mut pipeline = maker.make()?;
            pipeline.warm_up()?;
            Ok(Successor { model, pipeline })
        })?
    };
    let view =
        args.format == Format::Text && std::io::stdout().is_terminal() && !args.live.changes_only;
    let record = args.live.record.as_ref();
    let recording = record
        .map(|folder| Recording::create(folder, args.live.record_limit(), context.clone()))
        .transpose()?;
    let mut follower = Follower {
        recording,
        top_k: args.top_k,
        changes_only: args.live.changes_only,
        output: if view {
            Output::View(View::new(context))
        } else {
            Output::Lines(Writer::new(std::io::stdout(), args.format, context))
        },
        service: Service::new(),
        reload,
        faults: Faults::default(),
    };
    let source = Newest::start(opened.source, opened.policy, args.live.every);
    follower.service.ready();
    let started = Instant::now();
    let options = args.live.options(args.frames);
    let standing = live::run(&source, pipeline, &options, stop, &mut follower)?;
    follower.service.stopping();
    conclude(&standing, started.elapsed());
    Ok(Finding::Good)
}

fn context(model: &Model, identity: &Identity, top_k: usize) -> Context {
    Context::new(&model.manifest, identity, top_k)
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

enum Output {
    Lines(Writer<Stdout>),
    View(View),
}

/// The loop's host.
struct Follower {
    top_k: usize,
    changes_only: bool,
    output: Output,
    recording: Option<Recording>,
    service: Service,
    reload: Reload,
    faults: Faults,
}

impl Follower {
    fn take_over(&mut self, successor: Successor) -> Pipeline {
        let Successor { model, pipeline } = successor;
        let identity = pipeline.engine().identity();
        log::info!(
            "{} takes over on {} ({})",
            model.manifest.id(),
            identity.engine,
            identity.provider
        );
        let context = context(&model, identity, self.top_k);
        if let Some(recording) = &mut self.recording {
            recording.set_context(context.clone());
        }
        match &mut self.output {
            Output::Lines(writer) => writer.set_context(context),
            Output::View(view) => view.set_context(context),
        }
        pipeline
    }
}

impl Host for Follower {
    fn record(&mut self, frame: &Frame, record: &Record) -> Result<()> {
        if let Some(recording) = &mut self.recording {
            recording.keep(frame, record)?;
        }
        match &mut self.output {
            Output::View(view) => {
                view.enter(record);
                Ok(())
            }
            Output::Lines(_) if self.changes_only && record.decision.change.is_none() => Ok(()),
            Output::Lines(writer) => writer.write(record),
        }
    }

    fn fault(&mut self, error: &Error) {
        self.faults.tell(error);
    }

    fn lost(&mut self, error: &Error) {
        log::warn!("{error}");
    }

    fn tick(&mut self, standing: &Standing) -> Result<Option<Pipeline>> {
        self.service.alive(standing.classified, standing.lost);
        if let Output::View(view) = &mut self.output {
            view.draw(standing.classified, standing.tally, standing.lost)?;
        }
        match self.reload.poll() {
            News::None => return Ok(None),
            News::Asked => {
                log::info!("reading the model anew");
                self.service.reloading();
            }
            News::Failed(error) => {
                log::error!("the old model goes on: {error}");
                self.service.ready();
            }
            News::Ready(successor) => {
                self.service.ready();
                return Ok(Some(self.take_over(*successor)));
            }
        }
        Ok(None)
    }
}

/// Bad frames come in bursts: the first is told, the rest of a burst is counted.
#[derive(Default)]
struct Faults {
    told: Option<Instant>,
    untold: u64,
}

impl Faults {
    fn tell(&mut self, error: &Error) {
        if self
            .told
            .is_some_and(|told| told.elapsed() < BETWEEN_FAULTS)
        {
            self.untold += 1;
            return;
        }
        match std::mem::take(&mut self.untold) {
            0 => log::warn!("a frame is skipped: {error}"),
            more => log::warn!("a frame is skipped, after {more} others: {error}"),
        }
        self.told = Some(Instant::now());
    }
}
