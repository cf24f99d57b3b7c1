//! `ocelli pack`: write facts into a model.

use std::path::Path;

use ocelli::model::fact;
use ocelli::{Model, Result};

use super::Finding;
use crate::cli::PackArgs;

pub(crate) fn run(args: &PackArgs) -> Result<Finding> {
    let mut overrides = args.facts.overrides();
    overrides.facts.name = args.name.clone().and_then(|n| fact(n, "flag --name"));
    overrides.facts.version = args
        .version
        .clone()
        .and_then(|v| fact(v, "flag --model-version"));
    let changed = args.facts.any();
    write(
        Model::open(&args.model, overrides)?,
        changed,
        &args.output_file,
    )?;
    Ok(Finding::Good)
}

/// Writes a model into a file that describes itself; its proof is no proof of facts that
/// were changed.
pub(crate) fn write(mut model: Model, changed: bool, out: &Path) -> Result<()> {
    if changed && model.manifest.proof.take().is_some() {
        log::warn!("the proof is left out: it belongs to the facts that were changed");
    }
    model.pack(out)?;
    let place = out.display();
    if !model.file.external_data.is_empty() {
        log::info!(
            "keep {} beside {place}: the weights are there",
            model.file.external_data.join(", ")
        );
    }
    log::info!("{place} describes itself as {}", model.manifest.id());
    Ok(())
}
