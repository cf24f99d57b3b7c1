//! Last stage: records to standard output, one line per frame, flushed, so that whoever
//! reads the pipe sees a frame as soon as it is classified.

mod csv;
mod json;
mod recording;
mod text;
mod view;

use std::io::Write;
use std::time::{Duration, SystemTime};

use serde::Deserialize;

use super::capture::Tally;
use super::score::Candidate;
use super::smooth::{Decision, State};
use crate::engine::Identity;
use crate::error::{Error, Result};
use crate::model::manifest::Manifest;

pub use json::object as json_object;
pub use recording::Recording;
pub use view::{View, make_way};

/// Everything that is said about one frame. Buffers are reused for the next one.
#[derive(Debug)]
pub struct Record {
    /// Counted from 0 over all inputs, failed ones included.
    pub number: u64,
    /// Where the frame comes from.
    pub source: String,
    /// When it was captured.
    pub time: SystemTime,
    /// What it is said to show.
    pub decision: Decision,
    /// The best classes, best first.
    pub top: Vec<Candidate>,
    /// How long each stage took.
    pub timing: Timing,
    /// From capture to now, for live sources.
    pub frame_age: Option<Duration>,
    /// What was left out so far, for live sources.
    pub tally: Option<Tally>,
    /// What is wrong with the model's output, if anything is.
    pub doubt: Option<&'static str>,
    /// Whether the frame showed nothing new: it was not classified.
    pub still: bool,
    /// Why the input could not be classified; then nothing else counts but the number.
    pub failure: Option<Error>,
}

/// How long each stage took for one frame; in a batch, its share.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timing {
    /// Reading the bytes.
    pub capture: Duration,
    /// Bytes to pixels.
    pub decode: Duration,
    /// Pixels to tensor.
    pub preprocess: Duration,
    /// The network.
    pub inference: Duration,
    /// All of it, scoring included.
    pub total: Duration,
}

impl Default for Record {
    fn default() -> Self {
        Self {
            number: 0,
            source: String::new(),
            time: SystemTime::UNIX_EPOCH,
            decision: Decision::default(),
            top: Vec::new(),
            timing: Timing::default(),
            frame_age: None,
            tally: None,
            doubt: None,
            still: false,
            failure: None,
        }
    }
}

impl Record {
    /// What a live source's decision was before this frame changed it, and for how long.
    fn changed_after(&self) -> Option<(State, Duration)> {
        self.tally.and(self.decision.change)?.before
    }
}

/// What all records of a run have in common.
#[derive(Clone, Debug)]
pub struct Context {
    /// Name and version of the model.
    pub model: String,
    /// Class names.
    pub labels: Vec<String>,
    /// What runs.
    pub identity: Identity,
    /// How many classes a record lists.
    pub top_k: usize,
}

impl Context {
    /// The context of `manifest` on the engine `identity`.
    pub fn new(manifest: &Manifest, identity: &Identity, top_k: usize) -> Self {
        Self {
            model: manifest.id(),
            labels: manifest.labels.clone(),
            identity: identity.clone(),
            top_k: top_k.min(manifest.labels.len()),
        }
    }

    /// The label of a decision.
    pub fn name_of(&self, state: State) -> &str {
        state.map_or("unknown", |index| &self.labels[index])
    }
}

/// Where records go.
pub trait Sink {
    /// The records are another model's from now on.
    fn set_context(&mut self, context: Context);

    /// Appends one record to `line`, line feed included.
    ///
    /// # Errors
    /// The record cannot be written in this format.
    fn write(&mut self, record: &Record, line: &mut Vec<u8>) -> Result<()>;
}

/// A form of output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// One object per line.
    Json,
    /// A header line, then one line per frame.
    Csv,
}

/// Writes records in one format.
pub struct Writer<W> {
    out: W,
    sink: Box<dyn Sink>,
    line: Vec<u8>,
}

impl<W: Write> Writer<W> {
    /// A writer to `out`.
    pub fn new(out: W, format: Format, context: Context) -> Self {
        let sink: Box<dyn Sink> = match format {
            Format::Text => Box::new(text::Text::new(context)),
            Format::Json => Box::new(json::Json::new(context)),
            Format::Csv => Box::new(csv::Csv::new(context)),
        };
        Self {
            out,
            sink,
            line: Vec::new(),
        }
    }

    /// The records are another model's from now on.
    pub fn set_context(&mut self, context: Context) {
        self.sink.set_context(context);
    }

    /// Writes and flushes one record.
    ///
    /// # Errors
    /// The output is closed or full.
    pub fn write(&mut self, record: &Record) -> Result<()> {
        self.line.clear();
        self.sink.write(record, &mut self.line)?;
        let written = self
            .out
            .write_all(&self.line)
            .and_then(|()| self.out.flush());
        written.map_err(|e| Error::output("standard output", "cannot be written").caused_by(e))
    }
}

/// Milliseconds with three decimals: the unit of every `_ms` field.
pub fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}
