//! A model's fingerprint: the hash of its files, taken once, and whether they are still those
//! that were hashed. What is kept for a model is kept under its hash, so a file that was
//! replaced meanwhile must not be kept under the hash of the one before.

use std::fs::{File, Metadata};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::Model;
use super::file::unreadable;
use crate::error::Result;

/// What was hashed, and what came out.
#[derive(Clone, Debug)]
pub(super) struct Fingerprint {
    sha256: String,
    stamps: Vec<Stamp>,
}

/// Tells one state of a file from the next without reading it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    bytes: u64,
    /// Last change in seconds and nanoseconds.
    changed: (i64, i64),
}

impl From<Metadata> for Stamp {
    fn from(file: Metadata) -> Self {
        Self {
            device: file.dev(),
            inode: file.ino(),
            bytes: file.len(),
            changed: (file.ctime(), file.ctime_nsec()),
        }
    }
}

impl Model {
    /// SHA-256 of the file and of its external data, in hexadecimal, as they were when this
    /// was first asked.
    ///
    /// # Errors
    /// A file vanished.
    pub fn sha256(&self) -> Result<String> {
        if let Some(known) = self.fingerprint.get() {
            return Ok(known.sha256.clone());
        }
        let stamps = self.stamps()?;
        let mut hash = Sha256::new();
        for path in self.files() {
            digest(&path, &mut hash).map_err(|e| unreadable(&path, e))?;
        }
        let bytes = hash.finalize();
        let sha256 = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let fingerprint = Fingerprint { sha256, stamps };
        Ok(self.fingerprint.get_or_init(|| fingerprint).sha256.clone())
    }

    /// Whether the files are those that were hashed.
    #[cfg_attr(not(feature = "onnxruntime"), allow(dead_code))]
    pub(crate) fn is_unchanged(&self) -> bool {
        let then = self.fingerprint.get().map(|known| &known.stamps);
        then.is_some_and(|then| self.stamps().is_ok_and(|now| now == *then))
    }

    /// The file, and those that hold its weights.
    fn files(&self) -> impl Iterator<Item = PathBuf> {
        let folder = self.folder();
        let external = self.file.external_data.iter().map(|name| folder.join(name));
        std::iter::once(self.path.clone()).chain(external)
    }

    fn stamps(&self) -> Result<Vec<Stamp>> {
        let stamp = |path: PathBuf| match std::fs::metadata(&path) {
            Ok(file) => Ok(file.into()),
            Err(e) => Err(unreadable(&path, e)),
        };
        self.files().map(stamp).collect()
    }

    /// Bytes of the file and of its external data; what cannot be read counts for nothing.
    #[cfg_attr(not(feature = "onnxruntime"), allow(dead_code))]
    pub(crate) fn bytes(&self) -> u64 {
        let length = |path| std::fs::metadata(path).map_or(0, |file| file.len());
        self.files().map(length).sum()
    }
}

/// Feeds a file to `hash` piece by piece: weights may be larger than the memory left.
fn digest(path: &Path, hash: &mut Sha256) -> std::io::Result<()> {
    /// Small enough to stay in the processor's cache between reading and hashing.
    const PIECE: usize = 128 << 10;
    let mut file = BufReader::with_capacity(PIECE, File::open(path)?);
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
