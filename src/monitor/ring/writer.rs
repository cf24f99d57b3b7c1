//! The ring's thread: of the frames that there is reason to keep, it keeps those that tell
//! something which others do not, within all limits.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Instant, SystemTime};

use serde_json::value::{RawValue, to_raw_value};

use super::budget::Written;
use super::episodes::{self, Episodes};
use super::index::Item;
use super::picture::Pictures;
use super::reason::{Reason, RingCounts};
use super::sidecar::{Kept, bytes_text, features_text, rounded};
use super::sighting::Sighting;
use super::signature::{Signature, model_key};
use super::stock::{CHECK, Stock};
use super::store::Store;
use super::{Message, RingOptions, RingSource};
use crate::error::{Error, Result};
use crate::pipeline::capture::Frame;
use crate::pipeline::capture::recording::Entry;
use crate::priority::lower_priority;
use crate::throttle::ThrottledLog;

/// What an entry grows by at most when what it says was written is put in.
const GROWTH: u64 = 64;

/// Keeps frames.
pub(super) struct Writer {
    options: Arc<RingOptions>,
    stock: Stock,
    written: Written,
    sources: Vec<Source>,
    /// The day of which it was said that no more is written.
    spent: Option<u64>,
    failures: ThrottledLog,
}

/// A source of frames.
struct Source {
    name: Option<String>,
    folder: Option<Arc<str>>,
    counts: Arc<RingCounts>,
    pictures: Result<Pictures>,
    episodes: Episodes,
}

/// A frame that is to be written.
struct Prepared<'a> {
    frame: &'a Frame,
    number: u64,
    folder: Option<Arc<str>>,
    picture: Cow<'a, [u8]>,
    signature: Arc<Signature>,
    kept: Kept,
}

impl Writer {
    pub(super) fn new(options: &Arc<RingOptions>, store: Store) -> Self {
        Self {
            options: options.clone(),
            stock: Stock::new(options, store),
            written: Written::default(),
            sources: Vec::new(),
            spent: None,
            failures: ThrottledLog::default(),
        }
    }

    /// Keeps what comes, until nothing more does.
    pub(super) fn run(mut self, messages: &Receiver<Message>) {
        lower_priority();
        self.written = self.stock.take();
        loop {
            self.stock.expire();
            match messages.recv_timeout(CHECK) {
                Ok(Message::Source(source, counts)) => self.add(&source, counts),
                Ok(Message::Frame(sighting)) => self.look(*sighting),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        let kept = self.sources.iter().map(|source| &source.counts);
        let kept = kept.flat_map(|counts| Reason::ALL.map(|reason| counts.kept(reason)));
        log::info!(
            "{}: {} frames kept, {} are there in {:.1} MB",
            self.stock.place().display(),
            kept.sum::<u64>(),
            self.stock.index.frames(),
            self.stock.index.bytes() as f64 / 1e6
        );
    }

    /// Frames of another source will come.
    fn add(&mut self, source: &RingSource, counts: Arc<RingCounts>) {
        let folder: Option<Arc<str>> = source.folder.as_deref().map(Arc::from);
        let mut episodes = Episodes::default();
        // What was going on when the last run ended goes on.
        let (now, instant) = (SystemTime::now(), Instant::now());
        let recent = now.checked_sub(episodes::LENGTH).unwrap_or(now);
        for item in self.stock.index.since(&folder, recent) {
            let age = now.duration_since(item.time).unwrap_or_default();
            if let Some(at) = instant.checked_sub(age) {
                episodes.enter(item.reason, &item.signature, at);
            }
        }
        let pictures = Pictures::new(source);
        if let Err(error) = &pictures {
            let place = self.stock.place().display();
            log::error!("{place}: no frames are kept: {error:#}");
        }
        self.stock.count(folder.clone(), counts.clone());
        self.sources.push(Source {
            name: source.name.clone(),
            folder,
            counts,
            pictures,
            episodes,
        });
    }

    /// Keeps the frame, if it tells something new and there is room.
    fn look(&mut self, sighting: Sighting) {
        let (source, first) = (sighting.source, sighting.reasons.first());
        let kept = self.keep(sighting).unwrap_or_else(|error| {
            let place = self.stock.place().display();
            self.failures
                .warn(format_args!("{place}: a frame is not kept: {error:#}"));
            false
        });
        if let (false, Some(reason)) = (kept, first) {
            self.sources[source].counts.count_dropped(reason);
        }
    }

    /// Whether the frame was kept.
    fn keep(&mut self, sighting: Sighting) -> Result<bool> {
        let frame = &sighting.frame;
        let age = SystemTime::now().duration_since(frame.time);
        let source = &mut self.sources[sighting.source];
        let Ok(pictures) = &mut source.pictures else {
            return Ok(false);
        };
        if age.is_ok_and(|age| age >= self.options.keep_for) {
            let what = "it was captured longer ago than frames may be kept";
            return Err(Error::output(&frame.source, what));
        }
        let model_sha256 = sighting.model.as_ref().and_then(|m| m.sha256().ok());
        let luma = pictures.luma(frame)?;
        let key = model_key(model_sha256.as_deref());
        let signature = Arc::new(Signature::new(key, &sighting.embedding, &luma));
        let episodes = &mut source.episodes;
        let is_new = |reason: &Reason| {
            *reason == Reason::Random || episodes.has_room(*reason, &signature, frame.instant)
        };
        let reasons: Vec<Reason> = sighting.reasons.iter().filter(is_new).collect();
        let [reason, also @ ..] = &reasons[..] else {
            return Ok(false);
        };
        let picture = pictures.jpeg(frame)?;
        let (index, folder) = (&self.stock.index, source.folder.clone());
        let number = index.next_number();
        let kept = Kept {
            reason: *reason,
            also: also.to_vec(),
            source_name: source.name.clone(),
            model_sha256,
            bytes: picture.len() as u64,
            scores: rounded(&sighting.scores),
            embedding: features_text(&sighting.embedding),
            distance: sighting.distance,
            health: sighting.health.clone(),
            luma: bytes_text(&luma),
            nearest: index.nearest(number, (&folder, *reason), &signature),
            written: self.written.clone(),
            record: raw(&sighting.record)?,
        };
        let is_kept = self.write(Prepared {
            frame,
            number,
            folder,
            picture,
            signature: signature.clone(),
            kept,
        })?;
        if is_kept {
            let source = &mut self.sources[sighting.source];
            for reason in &reasons {
                source.episodes.enter(*reason, &signature, frame.instant);
            }
            source.counts.count_kept(*reason);
        }
        Ok(is_kept)
    }

    /// Whether there was room for the frame, and it was written.
    fn write(&mut self, prepared: Prepared) -> Result<bool> {
        let Prepared {
            frame,
            number,
            folder,
            picture,
            signature,
            mut kept,
        } = prepared;
        let entry = |kept: &Kept| {
            let text = to_raw_value(kept);
            let entry = text.and_then(|kept| serde_json::to_vec(&Entry::kept(frame, number, kept)));
            entry.map_err(|e| Error::output("its entry", "cannot be written").caused_by(e))
        };
        let size = (picture.len() + entry(&kept)?.len()) as u64 + GROWTH;
        let (limit, per_day) = (self.options.bytes, self.options.bytes_per_day);
        if size > limit {
            let what = format!("its {size} bytes are more than all that may be kept, {limit}");
            return Err(Error::output(&frame.source, what));
        }
        let Some(share) = self.written.room(per_day, frame.time, kept.reason, size) else {
            self.say_spent(kept.reason);
            return Ok(false);
        };
        if !self.stock.disk.has_room(size) || !self.stock.make_room(size, 1) {
            return Ok(false);
        }
        self.written.charge(share, size);
        kept.written = self.written.clone();
        let entry = entry(&kept)?;
        let item = Item {
            folder,
            reason: kept.reason,
            bytes: (picture.len() + entry.len()) as u64,
            time: frame.time,
            signature,
            nearest: kept.nearest,
        };
        Ok(self.stock.write(number, item, &picture, &entry))
    }

    /// Says, once a day, that no more is written for a reason.
    fn say_spent(&mut self, reason: Reason) {
        let day = Some(self.written.day());
        if self.spent != day {
            self.spent = day;
            log::warn!(
                "{}: as much was written today as may be by now: some frames are left out, {} ones first",
                self.stock.place().display(),
                reason.name()
            );
        }
    }
}

/// A record as it stands.
fn raw(record: &[u8]) -> Result<Box<RawValue>> {
    serde_json::from_slice(record)
        .map_err(|e| Error::output("its record", "is not JSON").caused_by(e))
}
