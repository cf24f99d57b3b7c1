//! Whether there is room on the disk. Where it is nearly full, or cannot be written, nothing
//! is kept until that is over; both are said once.

use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How long after a failure the disk is tried again.
const AGAIN: Duration = Duration::from_secs(10);
/// Bytes that are enough to stay free on a disk however large.
const ENOUGH: f64 = 1e9;
/// How much more than what stays free has to be free before something is kept again: else a
/// disk at its limit is full one moment and not the next.
const BEYOND: f64 = 1.05;

/// The disk that a ring's folder is on.
pub(super) struct Disk {
    folder: PathBuf,
    /// Share that stays free.
    free: f64,
    /// Whether nothing is kept at present.
    is_full: bool,
    failed: Option<Instant>,
}

impl Disk {
    pub(super) fn new(folder: PathBuf, free: f64) -> Self {
        Self {
            folder,
            free,
            is_full: false,
            failed: None,
        }
    }

    /// Whether so many `bytes` may be written.
    pub(super) fn has_room(&mut self, bytes: u64) -> bool {
        if self.failed.is_some_and(|at| at.elapsed() < AGAIN) {
            return false;
        }
        // What cannot be asked is seen when it is written.
        let Ok(disk) = rustix::fs::statvfs(&self.folder) else {
            return true;
        };
        let block = disk.f_frsize as f64;
        let (all, free) = (disk.f_blocks as f64 * block, disk.f_bavail as f64 * block);
        let stays = (self.free * all).min(ENOUGH);
        let wanted = stays * if self.is_full { BEYOND } else { 1.0 };
        let has_room = free - bytes as f64 >= wanted;
        if !has_room && !self.is_full {
            self.is_full = true;
            log::warn!(
                "{}: no frames are kept until more of the disk is free: {:.1} MB are, {:.1} MB stay so",
                self.folder.display(),
                free / 1e6,
                stays / 1e6
            );
        }
        has_room
    }

    /// A frame was written.
    pub(super) fn worked(&mut self) {
        if self.is_full {
            log::info!("{}: frames are kept again", self.folder.display());
        }
        (self.is_full, self.failed) = (false, None);
    }

    /// One could not be written, or deleted.
    pub(super) fn fails(&mut self, error: &std::io::Error) {
        if !self.is_full {
            log::warn!(
                "{}: no frames are kept until that works again: {error}",
                self.folder.display()
            );
        }
        (self.is_full, self.failed) = (true, Some(Instant::now()));
    }
}
