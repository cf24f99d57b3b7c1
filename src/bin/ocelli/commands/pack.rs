//! `ocelli pack`: write facts into a model.

use std::path::Path;

use ocelli::model::fact;
use ocelli::{Model, Result};

use super::Finding;
use crate::cli::PackArgs;
use crate::fetching::find_model;

pub(crate) fn run(args: &PackArgs) -> Result<Finding> {
    let mut overrides = args.facts.overrides();
    overrides.facts.name = args.name.clone().and_then(|n| fact(n, "flag --name"));
    overrides.facts.version = args
        .version
        .clone()
        .and_then(|v| fact(v, "flag --model-version"));
    let changed = args.facts.any();
    write(
        Model::open(&find_model(&args.model)?, overrides)?,
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
    let folder = out.parent().unwrap_or(Path::new(""));
    for weights in &model.file.external_data {
        if folder.join(weights).exists() {
            log::info!("keep {weights} beside {place}: the weights are there");
        } else {
            let from = model.path.with_file_name(weights);
            log::warn!(
                "copy {} beside {place}: the weights are there",
                from.display()
            );
        }
    }
    log::info!("{place} describes itself as {}", model.manifest.id());
    Ok(())
}
