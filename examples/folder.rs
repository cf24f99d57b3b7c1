//! A folder on all cores, answers in the files' order, bad files skipped and counted:
//! `cargo run --example folder -- models/shapes.onnx models/samples`.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "an example talks to whoever runs it"
)]

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use ocelli::model::Overrides;
use ocelli::pipeline::capture::{self, SourceOptions};
use ocelli::pipeline::workers;
use ocelli::{EngineOptions, Model, PipelineMaker, PipelineOptions};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(model), Some(folder)) = (args.next(), args.next()) else {
        return Err("expected MODEL FOLDER".into());
    };
    let model = Arc::new(Model::open(Path::new(&model), Overrides::default())?);
    let labels = model.manifest.labels.clone();
    // One thread each: several workers classify a folder faster than one with many threads.
    let maker = PipelineMaker::new(
        model,
        &EngineOptions::default(),
        1,
        PipelineOptions::default(),
    )?;
    let source = capture::open(&[folder.parse()?], &SourceOptions::default())?.source;
    let cores = std::thread::available_parallelism()?.get();
    let never = AtomicBool::new(false);
    let make = move |_| maker.make();
    let summary = workers::run(source, cores, None, &never, make, |record| {
        match &record.failure {
            None => {
                let best = record.decision.best;
                println!(
                    "{}: {} {:.4}",
                    record.source, labels[best.index], best.score
                );
            }
            Some(error) => eprintln!("{error:#}"),
        }
        Ok(())
    })?;
    println!(
        "{} classified, {} failed",
        summary.classified, summary.failed
    );
    Ok(())
}
