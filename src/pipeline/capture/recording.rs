//! Frames on disk: a folder of them, byte for byte, each with an entry that says what it is.
//! A recording has a list of its entries and of the records that were made of its frames. In
//! a ring, where frames come and go, every frame's entry is a file of its own beside it.
//! `replay:` plays both.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Encoding, Frame, RawFormat};

/// The records, as JSON lines.
pub(crate) const RECORDS: &str = "records.jsonl";
/// The list of a recording's frames, a JSON object per line.
pub(crate) const FRAMES: &str = "frames.jsonl";

/// One frame.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    /// Its bytes' file, in the same folder.
    pub(crate) file: String,
    /// Microseconds from the first frame's capture to its own; none in a ring, whose frames
    /// are of several runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) at_us: Option<u64>,
    /// When it was captured, in microseconds since 1970.
    pub(crate) time_us: u64,
    /// Where it came from.
    pub(crate) source: String,
    /// What the bytes are; none for an encoded image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) raw: Option<RawFormat>,
    /// Why it is in a ring, and what was said of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) kept: Option<Box<RawValue>>,
}

impl Entry {
    /// A recording's entry for a frame; `first` is when the recording's first one was captured.
    pub(crate) fn recorded(frame: &Frame, number: u64, first: Instant) -> Self {
        let (raw, extension) = match frame.encoding {
            Encoding::Raw(format) => (Some(format), "raw"),
            Encoding::File if frame.bytes.starts_with(&[0xff, crate::jpeg::SOI]) => (None, "jpg"),
            Encoding::File => (None, "image"),
        };
        let after_first = frame.instant.saturating_duration_since(first);
        Self {
            file: format!("{number:08}.{extension}"),
            at_us: Some(micros(after_first)),
            time_us: since_1970(frame.time),
            source: frame.source.clone(),
            raw,
            kept: None,
        }
    }

    /// The entry of a frame that is kept in a ring as a JPEG, because of what `kept` says.
    pub(crate) fn kept(frame: &Frame, number: u64, kept: Box<RawValue>) -> Self {
        Self {
            file: format!("{number:08}.jpg"),
            at_us: None,
            time_us: since_1970(frame.time),
            source: frame.source.clone(),
            raw: None,
            kept: Some(kept),
        }
    }

    /// When the frame was captured.
    pub(crate) fn time(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_micros(self.time_us)
    }
}

/// Where the entry of a ring's frame stands.
pub(crate) fn entry_file(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{number:08}.json"))
}

/// The number of the frame whose entry this file is, if it is one by its name.
pub(crate) fn entry_number(path: &Path) -> Option<u64> {
    let stem = path.file_stem()?.to_str()?;
    let is_number = stem.len() >= 8 && stem.bytes().all(|byte| byte.is_ascii_digit());
    let is_entry = path.extension() == Some(OsStr::new("json"));
    stem.parse().ok().filter(|_| is_number && is_entry)
}

fn since_1970(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, micros)
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(0)
}
