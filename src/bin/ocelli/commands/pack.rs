//! `ocelli pack`: write facts into a model.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use ocelli::model::fact;
use ocelli::{Error, Model, Result};

use super::Finding;
use crate::cli::PackArgs;
use crate::fetching::find_model;

/// Bytes that are compared at once.
const PIECE: usize = 1 << 16;

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
    let folder = out.parent().unwrap_or(Path::new(""));
    for weights in &model.file.external_data {
        check_namesake(&model.path.with_file_name(weights), &folder.join(weights))?;
    }
    model.pack(out)?;
    let place = out.display();
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

/// Refuses to write a model beside another one's weights: a file of the name of its own,
/// with other content.
fn check_namesake(own: &Path, there: &Path) -> Result<()> {
    let failed = |e| Error::model(own.display().to_string(), "cannot be read").caused_by(e);
    if !there.exists() || is_same(own, there).map_err(failed)? {
        return Ok(());
    }
    Err(Error::usage(
        there.display().to_string(),
        "another model's weights have the name that this model's would need",
    )
    .with_remedy(format!(
        "write the model into another folder, and copy {} there",
        own.display()
    )))
}

fn is_same(one: &Path, other: &Path) -> std::io::Result<bool> {
    if one.canonicalize()? == other.canonicalize()? {
        return Ok(true);
    }
    let (mut one, mut other) = (File::open(one)?, File::open(other)?);
    if one.metadata()?.len() != other.metadata()?.len() {
        return Ok(false);
    }
    let (mut a, mut b) = (vec![0; PIECE], vec![0; PIECE]);
    loop {
        let count = one.read(&mut a)?;
        if count == 0 {
            return Ok(true);
        }
        other.read_exact(&mut b[..count])?;
        if a[..count] != b[..count] {
            return Ok(false);
        }
    }
}
