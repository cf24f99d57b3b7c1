//! `ocelli bench`: where the time of a frame goes. All engines and thread counts take
//! turns on the same frames, so that a noisy machine disturbs them alike.

mod tune;

use std::fmt::Write;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::{Finding, PipelineMaker, cores, open_model, print, print_json};
use crate::cli::BenchArgs;
use crate::engine::{EngineChoice, EngineMaker, EngineOptions, Identity};
use crate::error::{Error, Result};
use crate::pipeline::Pipeline;
use crate::pipeline::capture::{self, Frame, Pull, SourceOptions};
use crate::pipeline::write::Record;

/// Most frames that are held in memory.
const MAX_FRAMES: usize = 64;
/// Rounds that do not count: buffers grow and caches fill.
const WARM_UP: usize = 3;

/// One engine with one thread count, and its samples.
struct Contender {
    identity: Identity,
    threads: usize,
    load: Duration,
    pipeline: Pipeline,
    samples: Vec<Sample>,
    spent: Duration,
}

/// The stages of one frame; reading it is not measured, frames are in memory.
#[derive(Clone, Copy)]
struct Sample {
    decode: Duration,
    preprocess: Duration,
    inference: Duration,
    total: Duration,
}

/// The result of one contender.
#[derive(Debug, Serialize)]
struct Row {
    #[serde(flatten)]
    identity: Identity,
    threads: usize,
    /// Loading the model until it can run.
    load_ms: f64,
    frames: usize,
    decode_ms: Percentiles,
    preprocess_ms: Percentiles,
    inference_ms: Percentiles,
    total_ms: Percentiles,
    frames_per_second: f64,
}

/// Milliseconds.
#[derive(Debug, Serialize)]
struct Percentiles {
    min: f64,
    p50: f64,
    p90: f64,
    p99: f64,
}

/// Runs the command.
///
/// # Errors
/// The model, an engine or the frames cannot be used.
pub fn run(args: &BenchArgs) -> Result<Finding> {
    if args.tune {
        return tune::run(args);
    }
    let frames = frames(args)?;
    let mut contenders = contenders(args)?;
    let limit = Duration::from_secs_f64(args.seconds);
    for round in 0.. {
        for contender in &mut contenders {
            contender.round(&frames, round >= WARM_UP)?;
        }
        if round > WARM_UP && contenders.iter().all(|c| c.spent >= limit) {
            break;
        }
    }
    let rows: Vec<Row> = contenders.iter().map(Contender::row).collect();
    if args.json {
        print_json(&rows)?;
    } else {
        print(&text(&rows, frames.len()))?;
    }
    Ok(Finding::Good)
}

fn frames(args: &BenchArgs) -> Result<Vec<Frame>> {
    let options = SourceOptions {
        raw: None,
        files_from: None,
        list: Default::default(),
        max_bytes: args.decode.max_bytes(),
        mode: Default::default(),
    };
    let mut source = capture::open(&args.sources, &options)?.source;
    let mut frames = Vec::new();
    while frames.len() < MAX_FRAMES {
        let mut frame = Frame::default();
        match source.next(&mut frame) {
            Pull::Frame => frames.push(frame),
            Pull::Failed(error) | Pull::Lost(error) => log::error!("{error}"),
            Pull::Broken(error) => return Err(error),
            Pull::End => break,
        }
    }
    if frames.is_empty() {
        Err(Error::usage("sources", "they give no frame"))
    } else {
        Ok(frames)
    }
}

fn contenders(args: &BenchArgs) -> Result<Vec<Contender>> {
    let model = open_model(&args.model)?;
    let wished = args.engine.options();
    let choices = match wished.choice {
        EngineChoice::Auto => vec![EngineChoice::OnnxRuntime, EngineChoice::Rten],
        choice => vec![choice],
    };
    let mut threads = if args.threads.is_empty() {
        vec![1, cores()]
    } else {
        args.threads.clone()
    };
    threads.dedup();
    let mut contenders = Vec::new();
    for choice in &choices {
        let options = EngineOptions {
            choice: *choice,
            ..wished.clone()
        };
        let maker = match PipelineMaker::new(model.clone(), &options, 1, args.decode) {
            Ok(maker) => maker,
            Err(error) if choices.len() > 1 && !EngineMaker::is_library_named(&wished) => {
                log::warn!("left out: {error}");
                continue;
            }
            Err(error) => return Err(error),
        };
        for &threads in &threads {
            let started = Instant::now();
            let pipeline = PipelineMaker {
                threads,
                ..maker.clone()
            }
            .make()?;
            let identity = pipeline.engine().identity().clone();
            contenders.push(Contender {
                identity,
                threads,
                load: started.elapsed(),
                pipeline,
                samples: Vec::new(),
                spent: Duration::ZERO,
            });
        }
    }
    if contenders.is_empty() {
        Err(Error::engine("engines", "none can load the model"))
    } else {
        Ok(contenders)
    }
}

impl Contender {
    /// Classifies every frame once.
    fn round(&mut self, frames: &[Frame], counts: bool) -> Result<()> {
        let mut records = [Record::default()];
        for frame in frames {
            let started = Instant::now();
            self.pipeline
                .classify(std::slice::from_ref(frame), &mut records);
            let total = started.elapsed();
            if let Some(error) = records[0].failure.take() {
                return Err(error);
            }
            if counts {
                let timing = records[0].timing;
                self.samples.push(Sample {
                    decode: timing.decode,
                    preprocess: timing.preprocess,
                    inference: timing.inference,
                    total,
                });
                self.spent += total;
            }
        }
        Ok(())
    }

    fn row(&self) -> Row {
        let of = |stage: fn(&Sample) -> Duration| Percentiles::of(self.samples.iter().map(stage));
        let total = of(|s| s.total);
        Row {
            identity: self.identity.clone(),
            threads: self.threads,
            load_ms: self.load.as_secs_f64() * 1e3,
            frames: self.samples.len(),
            decode_ms: of(|s| s.decode),
            preprocess_ms: of(|s| s.preprocess),
            inference_ms: of(|s| s.inference),
            frames_per_second: 1e3 / total.p50,
            total_ms: total,
        }
    }
}

impl Percentiles {
    fn of(durations: impl Iterator<Item = Duration>) -> Self {
        let mut sorted: Vec<Duration> = durations.collect();
        sorted.sort_unstable();
        let at = |share: f64| {
            sorted[((sorted.len() - 1) as f64 * share).round() as usize].as_secs_f64() * 1e3
        };
        Self {
            min: at(0.0),
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
        }
    }
}

/// A table; writing to a String cannot fail.
fn text(rows: &[Row], frames: usize) -> String {
    let mut text = format!("{frames} different frames, milliseconds, min / p50 / p90 / p99\n");
    let _ = writeln!(
        text,
        "{:20} threads  {:>26}  {:>26}  {:>26}  {:>26}  frames/s  load",
        "engine", "decode", "preprocess", "inference", "total"
    );
    for row in rows {
        let _ = write!(text, "{:20} {:7}", row.identity.engine, row.threads);
        for p in [
            &row.decode_ms,
            &row.preprocess_ms,
            &row.inference_ms,
            &row.total_ms,
        ] {
            let _ = write!(
                text,
                "  {:>26}",
                format!("{:.2} / {:.2} / {:.2} / {:.2}", p.min, p.p50, p.p90, p.p99)
            );
        }
        let _ = writeln!(text, "  {:8.1}  {:.0}", row.frames_per_second, row.load_ms);
    }
    text
}
