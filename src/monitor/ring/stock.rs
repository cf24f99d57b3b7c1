//! The frames that a ring holds, on disk and by their index: they are found at the start, make
//! room for others, and go when they are too old.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::RingOptions;
use super::budget::Written;
use super::disk::Disk;
use super::index::{Index, Item};
use super::reason::RingCounts;
use super::sidecar::{bytes_of, features_of};
use super::signature::{Signature, model_key};
use super::store::{Found, Store};

/// Time between two looks for frames that are too old.
pub(super) const CHECK: Duration = Duration::from_secs(60);

/// What is there.
pub(super) struct Stock {
    options: Arc<RingOptions>,
    store: Store,
    pub(super) index: Index,
    pub(super) disk: Disk,
    /// Who counts what is deleted of a folder.
    counts: Vec<(Option<Arc<str>>, Arc<RingCounts>)>,
    checked: Option<Instant>,
}

impl Stock {
    /// What is in the store is not known yet.
    pub(super) fn new(options: &Arc<RingOptions>, store: Store) -> Self {
        Self {
            options: options.clone(),
            index: Index::default(),
            disk: Disk::new(store.folder().to_owned(), options.free),
            store,
            counts: Vec::new(),
            checked: None,
        }
    }

    /// Where it is.
    pub(super) fn place(&self) -> &Path {
        self.store.folder()
    }

    /// Finds what an earlier run kept, and brings it within the limits that hold now. Gives
    /// what was written that day.
    pub(super) fn take(&mut self) -> Written {
        let left = self.store.find();
        if left.broken > 0 {
            log::warn!(
                "{}: {} frames were not whole and are gone",
                self.place().display(),
                left.broken
            );
        }
        let newest = left.frames.iter().max_by_key(|found| found.number);
        let mut written = newest.map_or_else(Written::default, |f| f.kept.written.clone());
        if left.unfinished > 0 {
            written.charge_unfinished(left.unfinished, SystemTime::now());
        }
        for found in left.frames {
            let number = found.number;
            self.index.insert(number, item(found));
        }
        self.make_room(0, 0);
        written
    }

    /// Counts what is deleted of a source's frames.
    pub(super) fn count(&mut self, folder: Option<Arc<str>>, counts: Arc<RingCounts>) {
        self.counts.push((folder, counts));
    }

    /// Deletes what has to go for so many more bytes and frames; whether that was enough.
    pub(super) fn make_room(&mut self, bytes: u64, frames: usize) -> bool {
        let (limit, files) = (self.options.bytes, self.options.files);
        while self.index.bytes() + bytes > limit || 2 * (self.index.frames() + frames) > files {
            let is_done = self
                .index
                .victim()
                .is_some_and(|number| self.delete(number));
            if !is_done {
                return false;
            }
        }
        true
    }

    /// Writes a frame; whether that worked.
    pub(super) fn write(&mut self, number: u64, item: Item, picture: &[u8], entry: &[u8]) -> bool {
        let folder = item.folder.as_deref();
        match self.store.write(folder, number, picture, entry) {
            Ok(()) => {
                self.disk.worked();
                self.index.insert(number, item);
                true
            }
            Err(error) => {
                self.disk.fails(&error);
                false
            }
        }
    }

    /// Deletes what was captured too long ago.
    pub(super) fn expire(&mut self) {
        if self.checked.is_some_and(|at| at.elapsed() < CHECK) {
            return;
        }
        self.checked = Some(Instant::now());
        let Some(time) = SystemTime::now().checked_sub(self.options.keep_for) else {
            return;
        };
        for number in self.index.before(time) {
            self.delete(number);
        }
    }

    /// Whether the frame is gone.
    fn delete(&mut self, number: u64) -> bool {
        let Some(item) = self.index.remove(number) else {
            return true;
        };
        if let Err(error) = self.store.remove(item.folder.as_deref(), number) {
            self.disk.fails(&error);
            self.index.insert(number, item);
            return false;
        }
        let mut counts = self.counts.iter();
        if let Some((_, counts)) = counts.find(|(folder, _)| *folder == item.folder) {
            counts.count_deleted(item.reason);
        }
        true
    }
}

/// What the index has to know of a frame.
fn item(found: Found) -> Item {
    let Found {
        folder,
        entry,
        kept,
        bytes,
        ..
    } = found;
    let embedding = kept.embedding.as_deref().map(features_of);
    let signature = Signature::new(
        model_key(kept.model_sha256.as_deref()),
        &embedding.unwrap_or_default(),
        &bytes_of(&kept.luma),
    );
    Item {
        folder,
        reason: kept.reason,
        bytes,
        time: entry.time(),
        signature: Arc::new(signature),
        nearest: kept.nearest,
    }
}
