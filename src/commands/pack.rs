//! `ocelli pack`: write facts into a model.

use super::Finding;
use crate::cli::PackArgs;
use crate::error::{Error, Result};
use crate::model::facts::fact;
use crate::model::{Model, pack};

/// Runs the command. The file is written beside and renamed, so that it is whole or not
/// there.
///
/// # Errors
/// The model cannot be used; facts are missing; the file cannot be written.
pub fn run(args: &PackArgs) -> Result<Finding> {
    let mut wishes = args.facts.wishes();
    wishes.facts.name = args.name.clone().and_then(|n| fact(n, "flag --name"));
    wishes.facts.version = args
        .version
        .clone()
        .and_then(|v| fact(v, "flag --model-version"));
    let changed = args.facts.any();
    let mut model = Model::open(&args.model, wishes)?;
    if changed && model.manifest.proof.take().is_some() {
        log::warn!("the proof is left out: it belongs to the facts that were changed");
    }
    let out = &args.output_file;
    let place = out.display().to_string();
    let failed = |e: std::io::Error| Error::output(&place, "cannot be written").caused_by(e);
    let bytes = std::fs::read(&model.path)
        .map_err(|e| Error::model(model.place(), "cannot be read").caused_by(e))?;
    let packed = pack::embed(&model.place(), &bytes, model.manifest.to_json()?)?;
    let unfinished = out.with_extension("onnx.unfinished");
    std::fs::write(&unfinished, packed)
        .and_then(|()| std::fs::rename(&unfinished, out))
        .map_err(failed)?;
    if !model.file.external_data.is_empty() {
        log::info!(
            "keep {} beside {place}: the weights are there",
            model.file.external_data.join(", ")
        );
    }
    log::info!("{place} describes itself as {}", model.manifest.id());
    Ok(Finding::Good)
}
