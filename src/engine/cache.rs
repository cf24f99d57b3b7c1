//! Folders of what was made ahead for this machine. Each is named after everything that it
//! depends on, so that a retrained model, another processor, driver, library or precision
//! never meets what was made for an old one.

use std::path::PathBuf;

use sha2::{Digest, Sha256};

use super::device::{Device, Precision};
use crate::environment;
use crate::error::{Error, Result};
use crate::model::Model;

/// Where all of them are; `None` where no place for it is known.
pub(crate) fn root() -> Option<PathBuf> {
    environment::cache_folder()
}

/// The name of the folder for `model` as the library's `version` optimises it for this
/// processor.
///
/// # Errors
/// The model cannot be read.
pub(crate) fn network(model: &Model, version: &str) -> Result<String> {
    Ok(hashed(&[model.sha256()?, version.to_owned(), processor()]))
}

/// Where TensorRT keeps the engine of `model` for this GPU; `None` without a cache folder.
///
/// # Errors
/// The model cannot be read, or the folder not be made.
pub(crate) fn tensorrt(
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
