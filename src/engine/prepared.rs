//! The cache of networks as ONNX Runtime optimised them. Loading one skips parsing and
//! optimising the original: the program starts in about half the time. It fits only the
//! model, the processor and the library that made it, so its key is a hash of all three.

use std::path::{Path, PathBuf};

use ort::session::builder::GraphOptimizationLevel;
use sha2::{Digest, Sha256};

use super::library::Library;
use super::onnxruntime::{builder, reason};
use super::provider::{Device, Precision};
use crate::error::{Error, Result};
use crate::model::Model;

const FILE: &str = "model.onnx";
/// Weights stand in a file of their own, which is mapped instead of parsed.
const WEIGHTS: &str = "model.onnx.data";

/// The prepared form of `model` for this machine, if there is one.
pub fn find(model: &Model, version: &str) -> Result<Option<PathBuf>> {
    let Some(root) = root().filter(|root| root.is_dir()) else {
        return Ok(None);
    };
    let file = root.join(key(model, version)?).join(FILE);
    Ok(file.is_file().then_some(file))
}

/// Prepares `model`; the folder it was saved in. Readers never see half of it: it is
/// written beside and renamed.
pub fn save(library: &Library, model: &Model) -> Result<PathBuf> {
    let root = root().ok_or_else(|| {
        Error::usage("cache", "no folder for it is known")
            .remedy("set OCELLI_CACHE or HOME to a folder")
    })?;
    let folder = root.join(key(model, &library.version)?);
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
    builder(library, GraphOptimizationLevel::All, 1, false)?
        .with_optimized_model_path(folder.join(FILE))?
        .with_config_entry(
            "session.optimized_model_external_initializers_file_name",
            WEIGHTS,
        )?
        .with_config_entry(
            "session.optimized_model_external_initializers_min_size_in_bytes",
            "1024",
        )?
        .commit_from_file(&model.path)
        .map(drop)
}

/// Where TensorRT keeps the engine of `model` for this GPU: a retrained model, another
/// driver, library or precision never meets an old one. `None` without a cache folder.
///
/// # Errors
/// The model cannot be read.
pub fn tensorrt(
    model: &Model,
    version: &str,
    device: Device,
    precision: Precision,
) -> Result<Option<PathBuf>> {
    let Some(root) = root() else { return Ok(None) };
    let parts = [
        model.sha256()?,
        version.to_owned(),
        gpu(),
        format!("{device} {precision:?}"),
    ];
    let folder = root.join(format!("tensorrt-{}", hashed(&parts)));
    std::fs::create_dir_all(&folder).map_err(|e| {
        Error::output(folder.display().to_string(), "the cache cannot be written").caused_by(e)
    })?;
    Ok(Some(folder))
}

/// What an engine depends on beside the model: GPU, driver, board, and TensorRT itself.
fn gpu() -> String {
    const FILES: [&str; 4] = [
        "/proc/driver/nvidia/version",
        "/proc/driver/nvidia/gpus/*/information",
        "/proc/device-tree/model",
        "/etc/nv_tegra_release",
    ];
    let found = |pattern: &str| glob::glob(pattern).into_iter().flatten().flatten();
    let mut facts: Vec<String> = FILES
        .iter()
        .flat_map(|file| found(file))
        .filter_map(|file| std::fs::read_to_string(file).ok())
        .collect();
    // Its version stands in its file name.
    let libraries =
        found("/usr/lib/*/libnvinfer.so.*").chain(found("/usr/local/*/lib/libnvinfer.so.*"));
    facts.extend(libraries.map(|file| file.display().to_string()));
    facts.join("\n")
}

/// `$OCELLI_CACHE`, or `ocelli` under `$XDG_CACHE_HOME`, or under `~/.cache`.
fn root() -> Option<PathBuf> {
    let folder = |name: &str| {
        std::env::var_os(name)
            .filter(|v| !v.is_empty())
            .map(PathBuf::from)
    };
    folder("OCELLI_CACHE")
        .or_else(|| folder("XDG_CACHE_HOME").map(|c| c.join("ocelli")))
        .or_else(|| folder("HOME").map(|h| h.join(".cache/ocelli")))
}

fn key(model: &Model, version: &str) -> Result<String> {
    Ok(hashed(&[model.sha256()?, version.to_owned(), processor()]))
}

fn hashed(parts: &[String]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
        hash.update([0]);
    }
    let bytes = hash.finalize();
    bytes
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// What the optimiser reads of the processor: its model and its instruction sets.
fn processor() -> String {
    const FACTS: [&str; 5] = [
        "model name",
        "flags",
        "Features",
        "CPU implementer",
        "CPU part",
    ];
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let first = text.split("\n\n").next().unwrap_or_default();
    let lines = first
        .lines()
        .filter(|line| FACTS.iter().any(|fact| line.starts_with(fact)));
    std::iter::once(std::env::consts::ARCH)
        .chain(lines)
        .collect::<Vec<_>>()
        .join("\n")
}
