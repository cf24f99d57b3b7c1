//! `ocelli prepare`: build caches ahead.

use std::time::Instant;

use super::{Finding, open_model};
use crate::cli::PrepareArgs;
use ocelli::Result;
use ocelli::engine::{EngineMaker, EngineOptions};

pub(crate) fn run(args: &PrepareArgs) -> Result<Finding> {
    let model = open_model(&args.model)?;
    let started = Instant::now();
    let options = EngineOptions {
        use_prepared: false,
        ..args.engine.options()
    };
    match EngineMaker::new(model.clone(), &options)?.prepare()? {
        Some(folder) => log::info!(
            "{} is prepared in {} ms: {}",
            model.manifest.id(),
            started.elapsed().as_millis(),
            folder.display()
        ),
        None => log::info!("the pure-Rust engine loads models as they are: nothing to prepare"),
    }
    Ok(Finding::Good)
}
