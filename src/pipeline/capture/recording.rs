//! A recording on disk: a folder of frames, byte for byte, with a list of them and of the
//! records that were made of them. What a session records, `replay:` plays again.

use std::time::{Duration, Instant, SystemTime};

use serde::{Deserialize, Serialize};

use super::{Encoding, Frame, RawFormat};

/// The records, as JSON lines.
pub(crate) const RECORDS: &str = "records.jsonl";
/// The list of a recording's frames, a JSON object per line.
pub(crate) const FRAMES: &str = "frames.jsonl";

/// One recorded frame.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    /// Its bytes' file, in the recording's folder.
    pub(crate) file: String,
    /// Microseconds from the first frame's capture to its own.
    pub(crate) at_us: u64,
    /// When it was captured, in microseconds since 1970.
    pub(crate) time_us: u64,
    /// Where it came from.
    pub(crate) source: String,
    /// What the bytes are; none for an encoded image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) raw: Option<RawFormat>,
}

impl Entry {
    /// The entry for a frame; `first` is when the recording's first one was captured.
    pub(crate) fn new(frame: &Frame, number: u64, first: Instant) -> Self {
        let (raw, extension) = match frame.encoding {
            Encoding::Raw(format) => (Some(format), "raw"),
            Encoding::File if frame.bytes.starts_with(&[0xff, crate::jpeg::SOI]) => (None, "jpg"),
            Encoding::File => (None, "image"),
        };
        let since_1970 = frame.time.duration_since(SystemTime::UNIX_EPOCH);
        let micros = |duration: Duration| u64::try_from(duration.as_micros()).unwrap_or(0);
        Self {
            file: format!("{number:08}.{extension}"),
            at_us: micros(frame.instant.saturating_duration_since(first)),
            time_us: since_1970.map_or(0, micros),
            source: frame.source.clone(),
            raw,
        }
    }
}
