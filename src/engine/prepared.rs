//! Networks as ONNX Runtime optimised them. Loading one skips parsing and optimising the
//! original: the program starts in about half the time.

use std::path::{Path, PathBuf};

use ort::session::builder::GraphOptimizationLevel;

use super::cache;
use super::library::Library;
use super::onnxruntime::{builder, load, reason};
use crate::error::{Error, Result};
use crate::model::Model;

const FILE: &str = "model.onnx";
/// Weights stand in a file of their own, which is mapped instead of parsed.
const WEIGHTS: &str = "model.onnx.data";

/// The prepared form of `model` for this machine, if there is one.
pub(crate) fn find(model: &Model, version: &str) -> Result<Option<PathBuf>> {
    let Some(root) = cache::root().filter(|root| root.is_dir()) else {
        return Ok(None);
    };
    let file = root.join(cache::network(model, version)?).join(FILE);
    Ok(file.is_file().then_some(file))
}

/// Prepares `model`; the folder it was saved in. Readers never see half of it: it is
/// written beside and renamed.
pub(crate) fn save(library: &Library, model: &Model) -> Result<PathBuf> {
    let root = cache::root().ok_or_else(|| {
        Error::usage("cache", "no folder for it is known")
            .with_remedy("set OCELLI_CACHE or HOME to a folder")
    })?;
    let folder = root.join(cache::network(model, &library.version)?);
    let unfinished = root.join(format!(".unfinished-{}", std::process::id()));
    let io = |e: std::io::Error| {
        Error::output(
            unfinished.display().to_string(),
            "the cache cannot be written",
        )
        .caused_by(e)
    };
    std::fs::create_dir_all(&unfinished).map_err(io)?;
    let saved = optimise(library, model, &unfinished).map_err(|e| {
        Error::model(
            model.place(),
            format!("ONNX Runtime {} cannot prepare it", library.version),
        )
        .caused_by(reason(&e))
    });
    let placed = saved.and_then(|()| {
        if folder.exists() {
            std::fs::remove_dir_all(&folder).map_err(io)?;
        }
        std::fs::rename(&unfinished, &folder).map_err(io)
    });
    if placed.is_err() && std::fs::remove_dir_all(&unfinished).is_err() {
        log::warn!("{} is left over and can be removed", unfinished.display());
    }
    placed.map(|()| folder)
}

fn optimise(library: &Library, model: &Model, folder: &Path) -> ort::Result<()> {
    let builder = builder(library, GraphOptimizationLevel::All, 1, false)?
        .with_optimized_model_path(folder.join(FILE))?
        .with_config_entry(
            "session.optimized_model_external_initializers_file_name",
            WEIGHTS,
        )?
        .with_config_entry(
            "session.optimized_model_external_initializers_min_size_in_bytes",
            "1024",
        )?;
    load(builder, model, None).map(drop)
}
