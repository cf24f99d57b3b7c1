//! Records for programs: one JSON object per line, the same keys in every record.

use std::fmt::Display;
use std::sync::Arc;

use serde::ser::SerializeSeq;
use serde::{Serialize, Serializer};

use super::LineFormat;
use crate::error::{Error, Result};
use crate::pipeline::capture::DropCounters;
use crate::pipeline::record::{Context, Milliseconds, Record, Timing};
use crate::pipeline::score::Candidate;
use crate::pipeline::smooth::UnknownReason;

/// The format.
pub(super) struct Json {
    context: Context,
}

impl Json {
    pub(super) fn new(context: Context) -> Self {
        Self { context }
    }
}

/// What is said about one picture; the same as `ocelli run --format json` prints.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "Record", deny_unknown_fields))]
pub(crate) struct Line<'a> {
    /// When the picture was captured or had arrived.
    #[serde(serialize_with = "as_text")]
    #[cfg_attr(feature = "schema", schemars(with = "String", extend("format" = "date-time")))]
    ts: humantime::Rfc3339Timestamp,
    /// Number of the picture.
    frame: u64,
    /// The live source, the file's name in the form, or `request`.
    source: &'a str,
    /// Its name: of several live sources, or of one that was given a name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    source_name: Option<&'a str>,
    /// Name and version, `shapes@1`.
    model: &'a str,
    /// The best class, also where it is `unknown`.
    label: &'a str,
    /// Its place in the model's labels.
    index: usize,
    /// Calibrated probability. With `doubt` it is none, and may be outside of 0 to 1.
    #[cfg_attr(feature = "schema", schemars(range(min = 0, max = 1)))]
    score: f32,
    /// The best classes, best first.
    #[cfg_attr(feature = "schema", schemars(with = "Vec<Entry>", length(min = 1)))]
    top: Top<'a>,
    /// Whether the score is below the threshold, or the distance beyond the farthest; of
    /// independent labels, whether all scores are.
    unknown: bool,
    /// Which of it. Where it is `unknown`, unless labels are independent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "UnknownReason"))]
    unknown_reason: Option<UnknownReason>,
    /// How far the features are from those that the best class has: the natural logarithm of
    /// their mean squared deviation. Of models that say how far they may be.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "f32"))]
    distance: Option<f32>,
    /// The labels that are there, the surest first: of independent labels only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Vec<&str>"))]
    labels: Option<Names<'a, Candidate>>,
    /// Milliseconds per stage.
    timing_ms: TimingMs,
    /// Capture to record; null unless the source is live.
    frame_age_ms: Option<Milliseconds>,
    /// Live frames left out so far.
    dropped: u64,
    /// The same by cause. Live records only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "DropCounters"))]
    drops: Option<DropCounters>,
    /// Live records only, when the answer changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Changed"))]
    changed: Option<Changed<'a>>,
    /// What is wrong with a watched source's pictures, if anything is and has been for a while: `dark`, `overexposed`,
    /// `blurred`, `covered`, `frozen`, `moved`, `colour-cast`.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[cfg_attr(feature = "schema", schemars(with = "Vec<&str>"))]
    health: &'a [&'static str],
    /// What a watched source shows otherwise than it used to, until somebody takes notice: `brightness`, `share:bee`.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[cfg_attr(feature = "schema", schemars(with = "Vec<&str>"))]
    drift: &'a [Arc<str>],
    /// `onnxruntime 1.32.0`, for example.
    engine: &'a str,
    /// What computed: `cpu`, for example.
    provider: &'a str,
    /// Why the scores cannot be what the model says they are.
    #[serde(rename = "doubt", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    output_warning: Option<&'a str>,
}

/// The answer before this one; both are null for the first.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(deny_unknown_fields))]
struct Changed<'a> {
    /// Its label; of independent labels, those that were there.
    #[cfg_attr(feature = "schema", schemars(with = "Option<Before>"))]
    from: Option<Before<'a>>,
    /// How long it was the answer.
    lasted_ms: Option<Milliseconds>,
}

/// An answer.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
enum Before<'a> {
    One(&'a str),
    #[cfg_attr(feature = "schema", schemars(with = "Vec<&str>"))]
    Several(Names<'a, usize>),
}

/// Milliseconds per stage.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "Timing", deny_unknown_fields))]
struct TimingMs {
    /// Reading the bytes, or the arrival of the body.
    capture: Milliseconds,
    /// Bytes to pixels.
    decode: Milliseconds,
    /// Pixels to tensor.
    preprocess: Milliseconds,
    /// The network.
    inference: Milliseconds,
    /// All of it, scoring included.
    total: Milliseconds,
}

impl From<Timing> for TimingMs {
    fn from(timing: Timing) -> Self {
        Self {
            capture: timing.capture.into(),
            decode: timing.decode.into(),
            preprocess: timing.preprocess.into(),
            inference: timing.inference.into(),
            total: timing.total.into(),
        }
    }
}

/// Labels by name, serialised without being collected first.
struct Names<'a, T> {
    of: &'a [T],
    index: fn(&T) -> usize,
    labels: &'a [String],
}

impl<T> Serialize for Names<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_seq(self.of.iter().map(|each| &self.labels[(self.index)(each)]))
    }
}

/// The best classes with their labels, serialised without being collected first.
struct Top<'a> {
    candidates: &'a [Candidate],
    labels: &'a [String],
}

/// A class and its score.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "Class", deny_unknown_fields))]
struct Entry<'a> {
    /// Its label.
    label: &'a str,
    /// Its place in the model's labels.
    index: usize,
    /// Calibrated probability. With `doubt` it is none, and may be outside of 0 to 1.
    #[cfg_attr(feature = "schema", schemars(range(min = 0, max = 1)))]
    score: f32,
}

impl Serialize for Top<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut sequence = serializer.serialize_seq(Some(self.candidates.len()))?;
        for Candidate { index, score } in self.candidates.iter().copied() {
            sequence.serialize_element(&Entry {
                label: &self.labels[index],
                index,
                score,
            })?;
        }
        sequence.end()
    }
}

fn as_text<T: Display, S: Serializer>(
    value: &T,
    serializer: S,
) -> std::result::Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

impl LineFormat for Json {
    fn set_context(&mut self, context: Context) {
        self.context = context;
    }

    fn write(&mut self, record: &Record, line: &mut Vec<u8>) -> Result<()> {
        object(&self.context, record, line)?;
        line.push(b'\n');
        Ok(())
    }
}

/// Appends the record as one JSON object to `line`, without a line feed.
///
/// # Errors
/// The record cannot be written as JSON.
pub(crate) fn object(context: &Context, record: &Record, line: &mut Vec<u8>) -> Result<()> {
    let best = record.decision.best;
    let object = Line {
        ts: humantime::format_rfc3339_millis(record.time),
        frame: record.number,
        source: &record.source,
        source_name: record.source_name.as_deref(),
        model: &context.model,
        label: &context.labels[best.index],
        index: best.index,
        score: best.score,
        top: Top {
            candidates: &record.top,
            labels: &context.labels,
        },
        unknown: record.decision.unknown,
        unknown_reason: record.decision.unknown_reason,
        distance: record.distance,
        labels: context.independent.then_some(Names {
            of: &record.present.now,
            index: |candidate| candidate.index,
            labels: &context.labels,
        }),
        timing_ms: record.timing.into(),
        frame_age_ms: record.frame_age.map(Milliseconds::from),
        dropped: record.drops.map_or(0, |drops| drops.dropped()),
        drops: record.drops,
        changed: record.drops.and(record.decision.change).map(|change| {
            let from = |(state, _)| match context.independent {
                true => Before::Several(Names {
                    of: &record.present.before,
                    index: |index| *index,
                    labels: &context.labels,
                }),
                false => Before::One(context.name_of(state)),
            };
            Changed {
                from: change.before.map(from),
                lasted_ms: change.before.map(|(_, lasted)| lasted.into()),
            }
        }),
        health: &record.health,
        drift: &record.drift,
        engine: &context.identity.engine,
        provider: &context.identity.provider,
        output_warning: record.output_warning,
    };
    serde_json::to_writer(line, &object)
        .map_err(|e| Error::output("JSON", "cannot be written").caused_by(e))
}
