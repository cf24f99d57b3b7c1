//! `ocelli bench --tune`: the flags that serve best on this device. Every candidate
//! classifies at a camera's pace, because what threads do between frames costs, too.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use ocelli::engine::{EngineChoice, EngineMaker, EngineOptions};
use ocelli::pipeline::capture::Frame;
use ocelli::pipeline::record::Record;
use ocelli::{Error, Model, PipelineMaker, Result};
use rustix::time::{ClockId, clock_gettime};
use serde::Serialize;

use super::material::{Percentiles, frames};
use crate::cli::BenchArgs;
use crate::commands::{Finding, cores, print, print_json};
use crate::fetching::find_model;
use crate::flags::Line;

/// More threads than these have not made a small network quicker.
const THREADS: [usize; 3] = [1, 2, 4];
/// Frames that do not count: buffers grow and caches fill.
const WARM_UP: usize = 3;
/// What an 8-bit form of `x.onnx` is called: `x-int8.onnx`.
const SMALLER: &str = "-int8";

/// What is tried.
struct Candidate {
    model: PathBuf,
    options: EngineOptions,
    threads: usize,
}

/// What it gave.
#[derive(Debug, Serialize)]
struct Trial {
    model: PathBuf,
    engine: Arc<str>,
    provider: Arc<str>,
    threads: usize,
    spin: bool,
    total_ms: Percentiles,
    /// Of one core, at the pace asked for.
    cpu_percent: f64,
    /// The flags that give it.
    flags: String,
}

pub(crate) fn run(args: &BenchArgs) -> Result<Finding> {
    let frames = frames(args)?;
    let mut trials = Vec::new();
    for candidate in candidates(&find_model(&args.model.model)?, args) {
        match candidate.run(args, &frames) {
            Ok(trial) => trials.push(trial),
            Err(error) => log::warn!("left out: {}", Line(&error)),
        }
    }
    let best = choose(&trials, args.within).ok_or_else(|| {
        Error::engine("--tune", "no engine can run the model").with_remedy("ocelli doctor says why")
    })?;
    if let Some(file) = &args.write {
        write(file, best)?;
    }
    if args.json {
        print_json(&serde_json::json!({ "trials": trials, "best": best.flags }))?;
    } else {
        print(&text(&trials, best, args))?;
    }
    let kept = args.within.is_none_or(|limit| best.keeps(limit));
    Ok(if kept {
        Finding::Good
    } else {
        Finding::Negative
    })
}

fn candidates(given: &Path, args: &BenchArgs) -> Vec<Candidate> {
    let smaller = given
        .file_stem()
        .map(|stem| given.with_file_name(format!("{}{SMALLER}.onnx", stem.to_string_lossy())))
        .filter(|smaller| smaller.is_file());
    let options = args.engine.options();
    let engines = EngineMaker::choices(options.choice);
    let mut candidates = Vec::new();
    for model in std::iter::once(given).chain(smaller.as_deref()) {
        for &choice in &engines {
            for threads in THREADS.into_iter().filter(|threads| *threads <= cores()) {
                for spin in [false, true] {
                    // Only ONNX Runtime spins, and one thread has nobody to wait for.
                    if spin && (threads == 1 || choice != EngineChoice::OnnxRuntime) {
                        continue;
                    }
                    candidates.push(Candidate {
                        model: model.to_owned(),
                        options: EngineOptions {
                            choice,
                            spin,
                            ..options.clone()
                        },
                        threads,
                    });
                }
            }
        }
    }
    candidates
}

impl Candidate {
    fn run(&self, args: &BenchArgs, frames: &[Frame]) -> Result<Trial> {
        let model = Arc::new(Model::open(&self.model, args.model.facts.overrides())?);
        let maker = PipelineMaker::new(model, &self.options, self.threads, args.decode.options())?;
        let mut pipeline = maker.make()?;
        let interval = Duration::from_secs_f64(1.0 / args.pace);
        let limit = Duration::from_secs_f64(args.seconds);
        let mut records = [Record::default()];
        let mut totals = Vec::new();
        let (mut started, mut used) = (Instant::now(), cpu_time());
        let mut due = started;
        for (count, frame) in frames.iter().cycle().enumerate() {
            if count == WARM_UP {
                (started, used) = (Instant::now(), cpu_time());
                due = started;
            }
            let begun = Instant::now();
            pipeline.classify(std::slice::from_ref(frame), &mut records);
            if let Some(error) = records[0].failure.take() {
                return Err(error);
            }
            if count >= WARM_UP {
                totals.push(begun.elapsed());
            }
            if count > WARM_UP && started.elapsed() >= limit {
                break;
            }
            due = (due + interval).max(Instant::now());
            thread::sleep(due.saturating_duration_since(Instant::now()));
        }
        let passed = started.elapsed().as_secs_f64();
        let identity = pipeline.engine().identity().clone();
        Ok(Trial {
            flags: self.flags(),
            model: self.model.clone(),
            engine: identity.engine,
            provider: identity.provider,
            threads: self.threads,
            spin: self.options.spin,
            total_ms: Percentiles::of(totals.into_iter()),
            cpu_percent: 100.0 * (cpu_time() - used).as_secs_f64() / passed,
        })
    }

    fn engine(&self) -> &'static str {
        match self.options.choice {
            EngineChoice::Rten => "rten",
            _ => "onnxruntime",
        }
    }

    fn flags(&self) -> String {
        let spin = if self.options.spin { " --spin" } else { "" };
        let (model, engine, threads) = (self.model.display(), self.engine(), self.threads);
        format!("-m {model} --engine {engine} --threads {threads}{spin}")
    }
}

impl Trial {
    fn keeps(&self, limit: Duration) -> bool {
        self.total_ms.p90 <= limit.as_secs_f64() * 1e3
    }
}

/// Of those that are quick enough, the one that takes least of the processor; if none is,
/// or nothing is asked for, the quickest.
fn choose(trials: &[Trial], within: Option<Duration>) -> Option<&Trial> {
    let kept = trials
        .iter()
        .filter(|trial| within.is_some_and(|limit| trial.keeps(limit)));
    kept.min_by(|a, b| a.cpu_percent.total_cmp(&b.cpu_percent))
        .or_else(|| {
            trials
                .iter()
                .min_by(|a, b| a.total_ms.p90.total_cmp(&b.total_ms.p90))
        })
}

/// What all threads of this process have used.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(
        u64::try_from(time.tv_sec).unwrap_or(0),
        u32::try_from(time.tv_nsec).unwrap_or(0),
    )
}

/// Writes the best flags as a configuration; one that is there is left alone.
fn write(file: &Path, best: &Trial) -> Result<()> {
    let lines = configuration(best);
    let written = std::fs::File::create_new(file)
        .and_then(|mut file| std::io::Write::write_all(&mut file, lines.as_bytes()));
    written.map_err(|e| {
        let lines = lines.trim_end().replace('\n', ", ");
        Error::output(
            file.display().to_string(),
            "the configuration is not written",
        )
        .caused_by(e)
        .with_remedy(format!("put these lines into it: {lines}"))
    })
}

fn configuration(best: &Trial) -> String {
    let engine = best.engine.split(' ').next().unwrap_or_default();
    let mut lines = format!(
        "model = {:?}\nengine = {engine:?}\nthreads = {}\n",
        best.model.display().to_string(),
        best.threads
    );
    if best.spin {
        lines.push_str("spin = true\n");
    }
    lines
}

/// A table; writing to a String cannot fail.
fn text(trials: &[Trial], best: &Trial, args: &BenchArgs) -> String {
    let mut text = format!(
        "{:20} {:10} threads  spin  {:>24}  CPU at {} frames/s  model\n",
        "engine", "provider", "total ms, p50 / p90", args.pace
    );
    for trial in trials {
        let total = format!("{:.2} / {:.2}", trial.total_ms.p50, trial.total_ms.p90);
        let spin = if trial.spin { "yes" } else { "no" };
        let _ = writeln!(
            text,
            "{:20} {:10} {:7}  {spin:4}  {total:>24}  {:>16.0} %  {}",
            trial.engine,
            trial.provider,
            trial.threads,
            trial.cpu_percent,
            trial.model.display()
        );
    }
    if let Some(limit) = args.within.filter(|limit| !best.keeps(*limit)) {
        let _ = writeln!(
            text,
            "none keeps within {} ms; the quickest is",
            limit.as_millis()
        );
    }
    let _ = writeln!(text, "best: {}", best.flags);
    text
}
