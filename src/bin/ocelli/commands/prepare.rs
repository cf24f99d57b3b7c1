//! `ocelli prepare`: what the first start does for the later ones, ahead of it.

use std::time::Instant;

use super::{Finding, open_model};
use crate::cli::PrepareArgs;
use ocelli::engine::EngineMaker;
use ocelli::{Error, Result};

pub(crate) fn run(args: &PrepareArgs) -> Result<Finding> {
    let model = open_model(&args.model)?;
    let started = Instant::now();
    let options = args.engine.options();
    if !options.use_cache {
        return Err(
            Error::usage("--no-cache", "`prepare` fills the cache").with_remedy("leave it out")
        );
    }
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
