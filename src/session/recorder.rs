//! A recording of a live run: every frame that was classified, byte for byte, and its
//! record. It is written on a thread of its own, because a slow disk must not hold up the
//! loop, and only so much of it, because the loop may run for months.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use super::observer::{FrameEvent, Observer};
use crate::error::{Error, Result};
use crate::pipeline::capture::Frame;
use crate::pipeline::capture::recording::{Entry, FRAMES, RECORDS};

/// Frames that wait for the disk at most.
const WAITING: usize = 32;

/// Keeps frames and records.
pub struct Recorder {
    queue: Option<SyncSender<Item>>,
    writer: Option<JoinHandle<()>>,
    first: Option<Instant>,
    kept: u64,
    bytes: u64,
    limit: u64,
    missed: u64,
}

/// One frame on its way to the disk.
struct Item {
    entry: Entry,
    bytes: Vec<u8>,
    record: Vec<u8>,
}

impl Recorder {
    /// A recording in `folder`, of at most `limit` bytes of frames.
    ///
    /// # Errors
    /// The folder cannot be written, or already holds a recording.
    pub fn create(folder: &Path, limit: u64) -> Result<Self> {
        let place = folder.display().to_string();
        DirBuilder::new()
            .recursive(true)
            .create(folder)
            .map_err(|e| Error::usage(&place, "the folder cannot be made").caused_by(e))?;
        let frames = create(&folder.join(FRAMES))?;
        let records = create(&folder.join(RECORDS))?;
        let (queue, items) = sync_channel(WAITING);
        let folder = folder.to_owned();
        let writer = thread::spawn(move || {
            if let Err(error) = write(&folder, &items, frames, records) {
                log::error!("the recording ends: {error:#}");
            }
        });
        Ok(Self {
            queue: Some(queue),
            writer: Some(writer),
            first: None,
            kept: 0,
            bytes: 0,
            limit,
            missed: 0,
        })
    }

    /// Keeps a frame and its record, a JSON object, unless the limit is reached or the disk
    /// is behind.
    fn keep(&mut self, frame: &Frame, record: &[u8]) {
        let Some(queue) = &self.queue else {
            return;
        };
        if self.bytes + frame.bytes.len() as u64 > self.limit {
            log::warn!(
                "the recording is full: {} frames, {} bytes",
                self.kept,
                self.bytes
            );
            self.finish();
            return;
        }
        let first = *self.first.get_or_insert(frame.instant);
        let item = Item {
            entry: Entry::recorded(frame, self.kept, first),
            bytes: frame.bytes.clone(),
            record: [record, b"\n"].concat(),
        };
        match queue.try_send(item) {
            Ok(()) => {
                self.kept += 1;
                self.bytes += frame.bytes.len() as u64;
            }
            Err(TrySendError::Full(_)) => {
                if self.missed == 0 {
                    log::warn!("the disk is too slow: the recording misses frames");
                }
                self.missed += 1;
            }
            // The writer has said why it ended.
            Err(TrySendError::Disconnected(_)) => self.queue = None,
        }
    }

    /// Waits until everything is on the disk.
    fn finish(&mut self) {
        self.queue = None;
        let Some(writer) = self.writer.take() else {
            return;
        };
        if writer.join().is_err() {
            log::error!("the recording's writer died");
        }
        let missed = match self.missed {
            0 => String::new(),
            missed => format!(", {missed} missed"),
        };
        log::info!("{} frames recorded{missed}", self.kept);
    }
}

impl Observer for Recorder {
    fn on_frame(&mut self, event: &FrameEvent) -> Result<()> {
        self.keep(event.frame, &event.json()?);
        Ok(())
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.finish();
    }
}

fn create(path: &Path) -> Result<BufWriter<File>> {
    let file = OpenOptions::new().write(true).create_new(true).open(path);
    file.map(BufWriter::new).map_err(|e| {
        Error::usage(path.display().to_string(), "cannot be made")
            .caused_by(e)
            .with_remedy("name another folder")
            .with_settings(&["record"])
    })
}

fn write(
    folder: &Path,
    items: &Receiver<Item>,
    mut frames: BufWriter<File>,
    mut records: BufWriter<File>,
) -> Result<()> {
    let cannot = |path: PathBuf| {
        move |e: std::io::Error| {
            Error::output(path.display().to_string(), "cannot be written").caused_by(e)
        }
    };
    for item in items {
        // The frame first: a list never names what is not there.
        let path = folder.join(&item.entry.file);
        std::fs::write(&path, &item.bytes).map_err(cannot(path))?;
        let line = serde_json::to_string(&item.entry)
            .map_err(|e| Error::output(FRAMES, "cannot be written").caused_by(e))?;
        writeln!(frames, "{line}")
            .and_then(|()| frames.flush())
            .map_err(cannot(folder.join(FRAMES)))?;
        records
            .write_all(&item.record)
            .and_then(|()| records.flush())
            .map_err(cannot(folder.join(RECORDS)))?;
    }
    Ok(())
}
