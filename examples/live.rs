//! A live source, followed: what changes is printed, a lost camera is waited for.
//! `cargo run --example live -- models/shapes.onnx camera:0`; without a camera,
//! `synthetic:frames=90`.
#![allow(clippy::print_stdout, reason = "an example talks to whoever runs it")]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use ocelli::model::Overrides;
use ocelli::pipeline::capture::{self, SourceOptions};
use ocelli::session::{
    FrameEvent, LiveOptions, LiveSource, LoopStats, NewModel, Observer, Session,
};
use ocelli::swap::Swap;
use ocelli::{EngineOptions, Model, PipelineMaker, PipelineOptions};

/// Prints what the answer changes to, and when the source is lost.
#[derive(Default)]
struct Printer {
    lost: bool,
}

impl Observer for Printer {
    fn on_frame(&mut self, event: &FrameEvent) -> ocelli::Result<()> {
        if event.record.decision.change.is_some() {
            let best = event.record.decision.best;
            let label = &event.context.labels[best.index];
            let age = event.record.frame_age.unwrap_or_default();
            println!("{label} {:.4}, {age:?} after capture", best.score);
        }
        Ok(())
    }

    fn on_stats(&mut self, stats: &LoopStats) -> ocelli::Result<()> {
        if stats.lost.is_some() != self.lost {
            self.lost = stats.lost.is_some();
            println!("the source is {}", if self.lost { "lost" } else { "back" });
        }
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(path), Some(source)) = (args.next(), args.next()) else {
        return Err("expected MODEL SOURCE".into());
    };
    let path = PathBuf::from(path);
    let model = Arc::new(Model::open(Path::new(&path), Overrides::default())?);
    let options = PipelineOptions::default();
    let maker = PipelineMaker::new(model, &EngineOptions::default(), 2, options)?;
    // Setting `swap.request()` reads the file anew; it takes over if its proof passes.
    let swap = Swap::new({
        let maker = maker.clone();
        move || {
            let maker = maker.renewed(&path, Overrides::default())?;
            let pipeline = maker.make_warm()?;
            Ok(NewModel { maker, pipeline })
        }
    });
    let opened = capture::open(&[source.parse()?], &SourceOptions::default())?;
    let session = Session {
        sources: vec![LiveSource::new(opened)],
        options: LiveOptions::default(),
        pipeline: maker.make_warm()?,
        maker,
        observers: vec![Box::new(Printer::default())],
        swap,
    };
    for stats in session.run(&AtomicBool::new(false))? {
        println!("{} classified, dropped {}", stats.classified, stats.drops);
    }
    Ok(())
}
