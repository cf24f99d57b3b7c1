//! Folders of what was made ahead for this machine. Each is named after everything that it
//! depends on, so that a retrained model, another processor, driver, library or precision
//! never meets what was made for an old one.

use std::path::{Path, PathBuf};
use std::sync::Once;

use sha2::{Digest, Sha256};

use super::device::{Device, Precision};
use crate::environment;
use crate::error::{Error, Result};
use crate::model::{Features, Model};

/// What prepared networks may take if the variable does not say: some dozens of a small
/// network's size, and little beside the smallest memory cards that are sold.
const DEFAULT_MIB: u64 = 512;
/// What has to stay free on the disk: others need it more than a quicker start does.
const LEFT_FREE: u64 = 64 << 20;

/// Where all of them are; `None` where no place for it is known.
pub(crate) fn root() -> Option<PathBuf> {
    environment::cache_folder()
}

/// Where prepared networks are; `None` where no place for them is known, or they may take none.
pub(crate) fn networks() -> Option<PathBuf> {
    root().filter(|_| bound() > 0)
}

/// Bytes that prepared networks may take.
pub(crate) fn bound() -> u64 {
    let Some(text) = environment::cache_mib() else {
        return DEFAULT_MIB << 20;
    };
    let mib = text
        .parse::<u64>()
        .ok()
        .and_then(|mib| mib.checked_mul(1 << 20));
    mib.unwrap_or_else(|| {
        static SAID: Once = Once::new();
        SAID.call_once(|| {
            log::warn!(
                "OCELLI_CACHE_MIB is `{text}`, which is no number of MiB: {DEFAULT_MIB} is taken"
            );
        });
        DEFAULT_MIB << 20
    })
}

/// Whether another network of `bytes` may be kept in `root`.
///
/// # Errors
/// It would not fit into the bound, or would fill the disk.
pub(crate) fn has_room_for(bytes: u64, root: &Path) -> Result<()> {
    let too_large = |what: String| Err(Error::output(root.display().to_string(), what));
    if bytes > bound() {
        let (model, bound) = (bytes >> 20, bound() >> 20);
        return too_large(format!(
            "the model takes {model} MiB, and all that is kept at most {bound} (OCELLI_CACHE_MIB)"
        ));
    }
    // The folder may not be there yet.
    let there = root.ancestors().find(|folder| folder.is_dir());
    let Some(disk) = there.and_then(|folder| rustix::fs::statvfs(folder).ok()) else {
        return Ok(());
    };
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    if free < bytes.saturating_add(LEFT_FREE) {
        return too_large(format!("only {} MiB are free on the disk", free >> 20));
    }
    Ok(())
}

/// The name of the folder for `model`, with `features` inside it where they are wanted, as
/// the library's `version` optimises it for this processor.
///
/// # Errors
/// The model cannot be read.
pub(crate) fn network(model: &Model, version: &str, features: Option<&Features>) -> Result<String> {
    let mut parts = vec![model.sha256()?, version.to_owned(), processor()];
    // The value that scores are read from makes another network of it, too.
    parts.push(model.manifest.output.tensor.clone());
    parts.extend(features.map(|features| features.value().to_owned()));
    Ok(hashed(&parts))
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
