//! The hash that a model is known by: of its file and of the files that hold its weights.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// SHA-256 of these files, one after the other, in hexadecimal; or the file that cannot be
/// read.
pub(super) fn sha256(
    files: impl Iterator<Item = PathBuf>,
) -> Result<String, (PathBuf, std::io::Error)> {
    let mut hash = Sha256::new();
    for path in files {
        feed(&path, &mut hash).map_err(|e| (path, e))?;
    }
    let bytes = hash.finalize();
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Feeds a file to `hash` piece by piece: weights may be larger than the memory left.
fn feed(path: &Path, hash: &mut Sha256) -> std::io::Result<()> {
    let mut file = BufReader::with_capacity(1 << 20, File::open(path)?);
    loop {
        let piece = file.fill_buf()?;
        if piece.is_empty() {
            return Ok(());
        }
        hash.update(piece);
        let length = piece.len();
        file.consume(length);
    }
}
