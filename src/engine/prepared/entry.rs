//! One prepared network on the disk: a folder of files, and what has to be in them. Weights
//! are mapped, not read, so that a file that lost its end, or got zeros for data when the
//! power failed, would be computed with; the sums notice that before it is used.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Result};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

/// The network itself.
pub(super) const NETWORK: &str = "model.onnx";
/// Weights stand in a file of their own, which is mapped instead of parsed.
pub(super) const WEIGHTS: &str = "model.onnx.data";
/// Written last: a folder without it is not whole.
const SUMS: &str = "sums.json";

/// How exactly it is known when an entry was last used: flash is not worn for less.
const USED_WITHIN: Duration = Duration::from_secs(24 * 3600);

/// What a file has to be.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Sum {
    bytes: u64,
    crc32: u32,
}

impl Sum {
    fn of(file: &mut File) -> Result<Self> {
        let mut sum = crc32fast::Hasher::new();
        let (mut piece, mut bytes) = (vec![0; 128 << 10], 0);
        loop {
            match file.read(&mut piece)? {
                0 => break,
                length => {
                    sum.update(&piece[..length]);
                    bytes += length as u64;
                }
            }
        }
        Ok(Self {
            bytes,
            crc32: sum.finalize(),
        })
    }
}

/// Makes the files of `folder` an entry that outlives a power failure; waits for the disk.
pub(super) fn seal(folder: &Path) -> Result<()> {
    let mut sums = BTreeMap::new();
    for name in [NETWORK, WEIGHTS] {
        let path = folder.join(name);
        // A network of small weights only has no file for them.
        if name == WEIGHTS && !path.exists() {
            continue;
        }
        let mut file = File::open(path)?;
        sums.insert(name, Sum::of(&mut file)?);
        file.sync_all()?;
    }
    let path = folder.join(SUMS);
    std::fs::write(&path, serde_json::to_vec(&sums)?)?;
    File::open(path)?.sync_all()?;
    File::open(folder)?.sync_all()
}

/// The network of an entry; `None` if there is no such entry.
///
/// # Errors
/// Why it is broken.
pub(super) fn network(folder: &Path) -> std::result::Result<Option<PathBuf>, String> {
    if !folder.exists() {
        return Ok(None);
    }
    let text = std::fs::read(folder.join(SUMS)).map_err(|e| format!("{SUMS}: {e}"))?;
    let sums: BTreeMap<String, Sum> =
        serde_json::from_slice(&text).map_err(|e| format!("{SUMS}: {e}"))?;
    if !sums.contains_key(NETWORK) {
        return Err(format!("{SUMS} does not name {NETWORK}"));
    }
    for (name, expected) in &sums {
        if ![NETWORK, WEIGHTS].contains(&&name[..]) {
            return Err(format!("{SUMS} names {name}"));
        }
        let found = File::open(folder.join(name)).and_then(|mut file| Sum::of(&mut file));
        let found = found.map_err(|e| format!("{name}: {e}"))?;
        if found != *expected {
            return Err(format!("{name} is not what was written"));
        }
    }
    Ok(Some(folder.join(NETWORK)))
}

/// Notes that the entry is in use. Where nothing can be written, it is not noted.
pub(super) fn touch(folder: &Path) {
    let now = SystemTime::now();
    let age = now.duration_since(used(folder)).unwrap_or_default();
    if age > USED_WITHIN
        && let Ok(file) = File::options().append(true).open(folder.join(SUMS))
        && let Err(error) = file.set_modified(now)
    {
        log::debug!("{}: its use cannot be noted: {error}", folder.display());
    }
}

/// When the entry was last used, or made.
pub(super) fn used(folder: &Path) -> SystemTime {
    let sums = std::fs::metadata(folder.join(SUMS));
    let made = sums.or_else(|_| std::fs::metadata(folder));
    made.and_then(|file| file.modified())
        .unwrap_or(SystemTime::UNIX_EPOCH)
}

/// What it takes on the disk.
pub(super) fn bytes(folder: &Path) -> u64 {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    files
        .filter_map(|file| file.metadata().ok())
        .map(|file| file.len())
        .sum()
}
