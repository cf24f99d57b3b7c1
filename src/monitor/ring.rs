//! The ring: frames worth looking at, kept on disk for people who label them, and for what is
//! trained next. Which they are is decided frame by frame in the live loop ([`Keeper`], one
//! for each source); a thread of its own does what takes time. A ring has limits, and is never
//! beyond them: of what there is most of, that goes first of which there is nearly the same.

mod budget;
mod disk;
mod doubt;
mod episodes;
mod index;
mod keeper;
mod novelty;
mod picture;
mod reason;
mod sample;
mod sidecar;
mod sighting;
mod signature;
mod stock;
mod store;
mod writer;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use parking_lot::Mutex;

use crate::error::{Error, Result};
use crate::pipeline::preprocess::Framing;
use crate::pipeline::record::Context;
pub use keeper::Keeper;
pub use reason::{Reason, RingCounts};
use sighting::Sighting;
use store::Store;
use writer::Writer;

/// Frames that wait for the disk at most. They may be large: pixels of a camera.
const WAITING: usize = 4;

/// What a ring may hold, and for how long.
#[derive(Clone, Debug, PartialEq)]
pub struct RingOptions {
    /// Its folder.
    pub folder: PathBuf,
    /// Bytes of all its files at most.
    pub bytes: u64,
    /// Files at most; a frame has two.
    pub files: usize,
    /// Bytes written in a day of the calendar at most: cards wear.
    pub bytes_per_day: u64,
    /// Share of the disk that stays free, 0 to 1; of a large one a gigabyte is enough.
    pub free: f64,
    /// Frames that were captured longer ago are deleted.
    pub keep_for: Duration,
    /// Of every such time one frame is kept, whatever it shows.
    pub sample: Duration,
}

impl Default for RingOptions {
    /// In no folder yet.
    fn default() -> Self {
        Self {
            folder: PathBuf::new(),
            bytes: 256_000_000,
            files: 20_000,
            bytes_per_day: 100_000_000,
            free: 0.1,
            keep_for: Duration::from_secs(14 * 24 * 60 * 60),
            sample: Duration::from_secs(15 * 60),
        }
    }
}

/// One of the sources of which frames are kept.
#[derive(Clone, Debug)]
pub struct RingSource {
    /// What it is called, if sources have names.
    pub name: Option<String>,
    /// The folder of its frames below the ring's, if that is not the ring's own.
    pub folder: Option<String>,
    /// What of its pictures is kept: what is looked at, and the way up.
    pub framing: Framing,
    /// Larger pictures are refused.
    pub max_pixels: usize,
}

/// A ring, open for as long as this or a keeper is there.
#[derive(Clone)]
pub struct Ring {
    options: Arc<RingOptions>,
    thread: Arc<RingThread>,
}

/// What is said to the thread.
enum Message {
    /// Frames of another source will come.
    Source(RingSource, Arc<RingCounts>),
    /// One of them.
    Frame(Box<Sighting>),
}

/// The way to the thread, which has done everything when this is gone.
struct RingThread {
    queue: Option<SyncSender<Message>>,
    handle: Option<JoinHandle<()>>,
    /// Sources so far.
    sources: Mutex<usize>,
}

impl Ring {
    /// Opens the ring in its folder, which is made if it is not there.
    ///
    /// # Errors
    /// The folder cannot be used, holds something else, or another program keeps frames there.
    pub fn open(options: RingOptions) -> Result<Self> {
        let store = Store::open(&options.folder)?;
        let options = Arc::new(options);
        let (queue, messages) = sync_channel(WAITING);
        let theirs = options.clone();
        let handle = thread::Builder::new()
            .name("ring".into())
            .spawn(move || Writer::new(&theirs, store).run(&messages))
            .map_err(|e| Error::engine("ring", "its thread cannot be started").caused_by(e))?;
        let thread = RingThread {
            queue: Some(queue),
            handle: Some(handle),
            sources: Mutex::default(),
        };
        Ok(Self {
            options,
            thread: Arc::new(thread),
        })
    }

    /// How it was opened.
    pub fn options(&self) -> &RingOptions {
        &self.options
    }

    /// Keeps frames of a source, in the records of `context`.
    ///
    /// # Errors
    /// The ring's thread died.
    pub fn keeper(&self, source: RingSource, context: &Context) -> Result<Keeper> {
        let counts = Arc::new(RingCounts::default());
        let mut sources = self.thread.sources.lock();
        let message = Message::Source(source, counts.clone());
        let queue = self.thread.queue.as_ref();
        if queue.is_none_or(|queue| queue.send(message).is_err()) {
            return Err(Error::engine("ring", "its thread died"));
        }
        let place = *sources;
        *sources += 1;
        Ok(Keeper::new(self, place, counts, context))
    }
}

impl Drop for RingThread {
    fn drop(&mut self) {
        self.queue = None;
        let died = self.handle.take().is_some_and(|h| h.join().is_err());
        if died {
            log::error!("the ring's thread died");
        }
    }
}
