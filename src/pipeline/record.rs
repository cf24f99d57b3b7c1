//! What is said about one frame: what all stages together come to, and what everyone who
//! writes, counts or tells it speaks of.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde::Serialize;

use super::capture::DropCounters;
use super::score::Candidate;
use super::smooth::{Decision, Present, State};
use super::summary::PictureSummary;
use crate::engine::Identity;
use crate::error::Error;
use crate::model::Model;
use crate::model::manifest::Manifest;

/// Everything that is said about one frame. Buffers are reused for the next one.
#[derive(Debug)]
pub struct Record {
    /// Counted from 0 over all inputs, failed ones included.
    pub number: u64,
    /// Where the frame comes from.
    pub source: String,
    /// What that source is called, where sources have names: one of several live ones, or
    /// one that was given a name.
    pub source_name: Option<Arc<str>>,
    /// When it was captured.
    pub time: SystemTime,
    /// What it is said to show.
    pub decision: Decision,
    /// Which labels are there, where they are independent of one another.
    pub present: Present,
    /// The best classes, best first.
    pub top: Vec<Candidate>,
    /// The features below the classes, where they are wanted or their distance is measured.
    pub embedding: Vec<f32>,
    /// How far they are from those of the best class, where the model says how far they may
    /// be; averaged as the scores are. The natural logarithm of their mean squared deviation.
    pub distance: Option<f32>,
    /// How long each stage took.
    pub timing: Timing,
    /// From capture to now, for live sources.
    pub frame_age: Option<Duration>,
    /// What was left out so far, for live sources.
    pub drops: Option<DropCounters>,
    /// What is wrong with the model's output, if anything is.
    pub output_warning: Option<&'static str>,
    /// How the picture looks, if it was asked for; else not measured.
    pub summary: PictureSummary,
    /// Whether that is asked for of the next frame.
    pub wants_summary: bool,
    /// What is wrong with a watched source's pictures, and has been for a while.
    pub health: Vec<&'static str>,
    /// What a watched source shows otherwise than it used to.
    pub drift: Vec<Arc<str>>,
    /// Whether the frame showed nothing new and was not classified.
    pub skipped: bool,
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
            source_name: None,
            time: SystemTime::UNIX_EPOCH,
            decision: Decision::default(),
            present: Present::default(),
            top: Vec::new(),
            embedding: Vec::new(),
            distance: None,
            timing: Timing::default(),
            frame_age: None,
            drops: None,
            output_warning: None,
            summary: PictureSummary::default(),
            wants_summary: false,
            health: Vec::new(),
            drift: Vec::new(),
            skipped: false,
            failure: None,
        }
    }
}

impl Record {
    /// Whether a class is decided for: it is the answer, or one of the labels that are there.
    pub fn shows(&self, class: usize, context: &Context) -> bool {
        match context.independent {
            true => self.present.now.iter().any(|label| label.index == class),
            false => !self.decision.unknown && self.decision.best.index == class,
        }
    }

    /// What a live source's decision was before this frame changed it, and for how long.
    pub(crate) fn changed_after(&self) -> Option<(State, Duration)> {
        self.drops.and(self.decision.change)?.before
    }
}

/// What a message about a source begins with: `door: `, or nothing if it has no name.
pub(crate) struct Prefix<'a>(pub Option<&'a str>);

impl fmt::Display for Prefix<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |name| write!(f, "{name}: "))
    }
}

/// What all records of a run have in common.
#[derive(Clone, Debug)]
pub struct Context {
    /// Name and version of the model.
    pub model: String,
    /// Class names.
    pub labels: Vec<String>,
    /// Whether they are independent of one another: a picture may have several, or none.
    pub independent: bool,
    /// Whether what is too far from what was learned is unknown, so that records have distances.
    pub has_distance: bool,
    /// What runs.
    pub identity: Identity,
    /// How many classes a record lists.
    pub top_k: usize,
    /// The model itself, where it was loaded from a file.
    pub loaded: Option<Arc<Model>>,
}

impl Context {
    /// The context of `manifest` on the engine `identity`.
    pub fn new(manifest: &Manifest, identity: &Identity, top_k: usize) -> Self {
        Self {
            model: manifest.id(),
            labels: manifest.labels.clone(),
            independent: manifest.output.kind.is_independent(),
            has_distance: manifest.distance_rule().is_some(),
            identity: identity.clone(),
            top_k: top_k.min(manifest.labels.len()),
            loaded: None,
        }
    }

    /// The label of a decision.
    pub fn name_of(&self, state: State) -> &str {
        state.map_or("unknown", |index| &self.labels[index])
    }

    /// What a record's decision was before it changed, in words: of independent labels, those
    /// that were there, `bee;cat`.
    pub(crate) fn name_before(&self, record: &Record, state: State) -> String {
        match self.independent {
            true if record.present.before.is_empty() => "none".to_owned(),
            true => self.join(record.present.before.iter().copied()),
            false => self.name_of(state).to_owned(),
        }
    }

    /// The names of several labels, as spreadsheets have them: `bee;cat`.
    pub(crate) fn join(&self, indices: impl Iterator<Item = usize>) -> String {
        let names: Vec<&str> = indices.map(|index| self.labels[index].as_str()).collect();
        names.join(";")
    }
}

/// A time as JSON has it: milliseconds with three decimals.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub(crate) struct Milliseconds(#[cfg_attr(feature = "schema", schemars(range(min = 0)))] f64);

impl From<Duration> for Milliseconds {
    fn from(duration: Duration) -> Self {
        Self(milliseconds(duration))
    }
}

/// Milliseconds with three decimals: the unit of every `_ms` field.
pub(crate) fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}
