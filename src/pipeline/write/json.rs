//! Records for programs: one JSON object per line, the same keys in every record.

use std::fmt::Display;

use serde::ser::SerializeSeq;
use serde::{Serialize, Serializer};

use super::LineFormat;
use crate::error::{Error, Result};
use crate::pipeline::capture::DropCounters;
use crate::pipeline::record::{Context, Record, Timing, milliseconds};
use crate::pipeline::score::Candidate;

/// The format.
pub(super) struct Json {
    context: Context,
}

impl Json {
    pub(super) fn new(context: Context) -> Self {
        Self { context }
    }
}

#[derive(Serialize)]
struct Line<'a> {
    #[serde(serialize_with = "as_text")]
    ts: humantime::Rfc3339Timestamp,
    frame: u64,
    source: &'a str,
    model: &'a str,
    label: &'a str,
    index: usize,
    score: f32,
    top: Top<'a>,
    unknown: bool,
    timing_ms: TimingMs,
    frame_age_ms: Option<f64>,
    dropped: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    drops: Option<DropCounters>,
    #[serde(skip_serializing_if = "Option::is_none")]
    changed: Option<Changed<'a>>,
    engine: &'a str,
    provider: &'a str,
    #[serde(rename = "doubt", skip_serializing_if = "Option::is_none")]
    output_warning: Option<&'a str>,
}

/// The decision is another one than before; both are null for the first.
#[derive(Serialize)]
struct Changed<'a> {
    from: Option<&'a str>,
    lasted_ms: Option<f64>,
}

#[derive(Serialize)]
struct TimingMs {
    capture: f64,
    decode: f64,
    preprocess: f64,
    inference: f64,
    total: f64,
}

impl From<Timing> for TimingMs {
    fn from(timing: Timing) -> Self {
        Self {
            capture: milliseconds(timing.capture),
            decode: milliseconds(timing.decode),
            preprocess: milliseconds(timing.preprocess),
            inference: milliseconds(timing.inference),
            total: milliseconds(timing.total),
        }
    }
}

/// The best classes with their labels, serialised without being collected first.
struct Top<'a> {
    candidates: &'a [Candidate],
    labels: &'a [String],
}

#[derive(Serialize)]
struct Entry<'a> {
    label: &'a str,
    index: usize,
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
        model: &context.model,
        label: &context.labels[best.index],
        index: best.index,
        score: best.score,
        top: Top {
            candidates: &record.top,
            labels: &context.labels,
        },
        unknown: record.decision.unknown,
        timing_ms: record.timing.into(),
        frame_age_ms: record.frame_age.map(milliseconds),
        dropped: record.drops.map_or(0, |drops| drops.dropped()),
        drops: record.drops,
        changed: record.drops.and(record.decision.change).map(|change| {
            let before = change.before;
            Changed {
                from: before.map(|(state, _)| context.name_of(state)),
                lasted_ms: before.map(|(_, lasted)| milliseconds(lasted)),
            }
        }),
        engine: &context.identity.engine,
        provider: &context.identity.provider,
        output_warning: record.output_warning,
    };
    serde_json::to_writer(line, &object)
        .map_err(|e| Error::output("JSON", "cannot be written").caused_by(e))
}
