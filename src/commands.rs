//! One file per command; here is what they share.

pub mod bench;
pub mod devices;
pub mod doctor;
pub mod eval;
mod follow;
pub mod generate;
pub mod inspect;
pub mod pack;
pub mod prepare;
pub mod run;
pub mod serve;
pub mod verify;

use std::io::Write;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use serde::Serialize;

use crate::cli::{DecodeArgs, ModelArgs};
use crate::engine::{EngineMaker, EngineOptions, Identity};
use crate::error::{Error, Result};
use crate::model::{Model, Wishes};
use crate::pipeline::write::Context;
use crate::pipeline::{Pipeline, PipelineOptions};

/// What a command found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// All good.
    Good,
    /// Some inputs failed, or the answer is no.
    Negative,
    /// A signal came before the inputs ended.
    Interrupted,
}

/// Exit code after a signal before the inputs ended: 128 and SIGINT, as shells have it.
pub const INTERRUPTED: u8 = 130;

fn open_model(args: &ModelArgs) -> Result<Arc<Model>> {
    Model::open(&args.model, args.facts.wishes()).map(Arc::new)
}

/// Cores that this process may use.
fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, NonZeroUsize::get)
}

/// Makes pipelines that all run one model in one way.
#[derive(Clone)]
struct PipelineMaker {
    model: Arc<Model>,
    engines: Arc<EngineMaker>,
    threads: usize,
    options: PipelineOptions,
}

impl PipelineMaker {
    fn new(
        model: Arc<Model>,
        engine: &EngineOptions,
        threads: usize,
        decode: DecodeArgs,
    ) -> Result<Self> {
        let engines = Arc::new(EngineMaker::new(model.clone(), engine)?);
        let options = PipelineOptions {
            max_pixels: decode.max_pixels,
            fast_decode: decode.fast_decode,
            framing: decode.framing(),
            batch: model.file.fixed_batch.unwrap_or(1),
            ..PipelineOptions::default()
        };
        Ok(Self {
            model,
            engines,
            threads,
            options,
        })
    }

    /// The same for the model as it is now in its file; it has to pass its proof.
    fn renewed(&self, path: &Path, wishes: Wishes) -> Result<Self> {
        let model = Arc::new(Model::open(path, wishes)?);
        let mut maker = Self {
            engines: Arc::new(self.engines.for_model(model.clone())?),
            model: model.clone(),
            ..self.clone()
        };
        maker.options.batch = model.file.fixed_batch.unwrap_or(1);
        verify::prove(&model, &maker.engines)?;
        Ok(maker)
    }

    fn make(&self) -> Result<Pipeline> {
        Pipeline::new(&self.model, self.engines.make(self.threads)?, self.options)
    }

    /// A pipeline for whom the first frame is like any other.
    fn make_warm(&self) -> Result<Pipeline> {
        let mut pipeline = self.make()?;
        pipeline.warm_up()?;
        Ok(pipeline)
    }

    /// What the records of its pipelines have in common.
    fn context(&self, identity: &Identity) -> Context {
        Context::new(&self.model.manifest, identity, self.options.top_k)
    }
}

/// A flag that SIGINT and SIGTERM set; a second signal ends the program at once.
fn stop_flag() -> Result<Arc<AtomicBool>> {
    use signal_hook::consts::{SIGINT, SIGTERM};
    use signal_hook::flag::{register, register_conditional_shutdown};
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        register_conditional_shutdown(signal, i32::from(INTERRUPTED), stop.clone())
            .and_then(|_| register(signal, stop.clone()))
            .map_err(|e| Error::usage("signals", "cannot be handled").caused_by(e))?;
    }
    Ok(stop)
}

/// Prints text to standard output.
fn print(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    written.map_err(|e| Error::output("standard output", "cannot be written").caused_by(e))
}

/// Prints a value as indented JSON.
fn print_json(value: &impl Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|e| Error::output("JSON", "cannot be written").caused_by(e))?;
    print(&format!("{text}\n"))
}
