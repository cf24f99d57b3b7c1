//! `ocelli bench`: where the time of a frame goes. All engines and thread counts take
//! turns on the same frames, so that a noisy machine disturbs them alike.

mod material;
mod tune;

use std::fmt::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ocelli::engine::{EngineMaker, Identity};
use ocelli::pipeline::capture::Frame;
use ocelli::pipeline::record::Record;
use ocelli::{Pipeline, PipelineMaker, Result};
use serde::Serialize;

use super::{Finding, cores, open_model, print, print_json};
use crate::cli::BenchArgs;
use material::{Percentiles, frames};

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

pub(crate) fn run(args: &BenchArgs) -> Result<Finding> {
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

fn contenders(args: &BenchArgs) -> Result<Vec<Contender>> {
    let model = open_model(&args.model)?;
    let mut threads = if args.threads.is_empty() {
        vec![1, cores()]
    } else {
        args.threads.clone()
    };
    threads.dedup();
    let mut contenders = Vec::new();
    for engines in EngineMaker::all(&model, &args.engine.options())? {
        let engines = Arc::new(engines);
        for &threads in &threads {
            let maker = PipelineMaker::with_engine(engines.clone(), threads, args.decode.options());
            contenders.push(Contender::new(&maker)?);
        }
    }
    Ok(contenders)
}

impl Contender {
    fn new(maker: &PipelineMaker) -> Result<Self> {
        let started = Instant::now();
        let pipeline = maker.make()?;
        Ok(Self {
            identity: pipeline.engine().identity().clone(),
            threads: maker.threads,
            load: started.elapsed(),
            pipeline,
            samples: Vec::new(),
            spent: Duration::ZERO,
        })
    }

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
