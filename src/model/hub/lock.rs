//! One process fetches a file and the others wait for it: Hugging Face's clients lock the same
//! way, by `flock` on the same file. What the lock saves is bandwidth; that a file is whole,
//! its checksum says.

use std::fs::{self, File, TryLockError};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::cache::{make_folder_of, unwritable};
use crate::error::{Error, Result};

/// Time between two looks.
const PERIOD: Duration = Duration::from_millis(100);
/// How long whoever holds the lock may fetch nothing: longer than a client is silent for.
const PATIENCE: Duration = Duration::from_secs(300);

/// The right to fetch a file, until it is dropped; none where the system has no locks.
#[derive(Debug)]
pub(super) struct Lock {
    _held: Option<File>,
}

impl Lock {
    /// Waits for the lock on `file`, whose parts are called like `blob`.
    ///
    /// # Errors
    /// It cannot be made, or whoever holds it does not go on.
    pub(super) fn wait(file: &Path, blob: &Path) -> Result<Self> {
        let made = make_folder_of(file).and_then(|()| {
            let mut options = File::options();
            options.create(true).truncate(false).write(true).open(file)
        });
        let held = made.map_err(|e| unwritable(file, e))?;
        let (mut seen, mut since) = (None, Instant::now());
        loop {
            match held.try_lock() {
                Ok(()) => return Ok(Self { _held: Some(held) }),
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(e)) => {
                    log::warn!(
                        "{} cannot be locked ({e}): two programs may fetch the same",
                        file.display()
                    );
                    return Ok(Self { _held: None });
                }
            }
            let parts = Some(size_of_parts(blob));
            if parts != seen {
                if seen.is_none() {
                    log::info!("waiting for another program that fetches the same file");
                }
                (seen, since) = (parts, Instant::now());
            }
            if since.elapsed() > PATIENCE {
                let what = format!(
                    "another program fetches this file, and got nothing for {} s",
                    PATIENCE.as_secs()
                );
                return Err(Error::model(file.display().to_string(), what)
                    .with_remedy("end that program, and try again"));
            }
            thread::sleep(PERIOD);
        }
    }
}

/// Bytes in what is being fetched for `blob`, by whatever client.
fn size_of_parts(blob: &Path) -> u64 {
    let (Some(folder), Some(name)) = (blob.parent(), blob.file_name()) else {
        return 0;
    };
    let name = name.to_string_lossy();
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter(|entry| {
            let part = entry.file_name();
            let part = part.to_string_lossy();
            part.starts_with(&*name) && part.ends_with(".incomplete")
        })
        .filter_map(|entry| Some(entry.metadata().ok()?.len()))
        .sum()
}
