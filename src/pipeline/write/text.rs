//! Records for people: `cat.jpg: tabby 0.71, tiger cat 0.19, …`; of independent labels those
//! that are there.

use std::fmt::{self, Display, Formatter, Write as _};
use std::io::Write;

use super::LineFormat;
use crate::error::{Error, Result};
use crate::pipeline::record::{Context, Record};
use crate::pipeline::smooth::UnknownReason;

/// The format.
pub(super) struct Text {
    context: Context,
}

impl Text {
    pub(super) fn new(context: Context) -> Self {
        Self { context }
    }
}

/// A name as it may stand in a line: control characters are written as escapes.
pub struct Inline<'a>(pub &'a str);

impl Display for Inline<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c.is_control() {
            true => write!(f, "{}", c.escape_default()),
            false => f.write_char(c),
        })
    }
}

/// Appends ` (health: dark, covered)`, if there is anything.
fn write_words<T: AsRef<str>>(line: &mut Vec<u8>, what: &str, words: &[T]) -> std::io::Result<()> {
    for (place, word) in words.iter().enumerate() {
        let before = if place > 0 { ", " } else { "" };
        if place == 0 {
            write!(line, " ({what}: ")?;
        }
        write!(line, "{before}{}", Inline(word.as_ref()))?;
    }
    if !words.is_empty() {
        line.push(b')');
    }
    Ok(())
}

/// What stands before the classes that it may be.
pub(crate) fn unknown(reason: Option<UnknownReason>) -> &'static str {
    match reason {
        Some(UnknownReason::Distance) => "unknown by distance, perhaps ",
        Some(UnknownReason::Both) => "unknown by score and distance, perhaps ",
        Some(UnknownReason::Score) | None => "unknown, perhaps ",
    }
}

impl LineFormat for Text {
    fn set_context(&mut self, context: Context) {
        self.context = context;
    }

    fn write(&mut self, record: &Record, line: &mut Vec<u8>) -> Result<()> {
        let failed = |e| Error::output("text", "cannot be written").caused_by(e);
        let unknown = match (record.decision.unknown, self.context.independent) {
            (false, _) => "",
            (true, false) => unknown(record.decision.unknown_reason),
            (true, true) => "none, perhaps ",
        };
        let source = record.source_name.as_deref().unwrap_or(&record.source);
        write!(line, "{}: {unknown}", Inline(source)).map_err(failed)?;
        let shown = match self.context.independent && !record.decision.unknown {
            true => &record.present.now,
            false => &record.top,
        };
        for (place, candidate) in shown.iter().enumerate() {
            let comma = if place > 0 { ", " } else { "" };
            write!(
                line,
                "{comma}{} {:.4}",
                Inline(&self.context.labels[candidate.index]),
                candidate.score
            )
            .map_err(failed)?;
        }
        if let Some((state, lasted)) = record.changed_after() {
            let name = self.context.name_before(record, state);
            let (name, seconds) = (Inline(&name), lasted.as_secs_f64());
            write!(line, " (after {seconds:.1} s of {name})").map_err(failed)?;
        }
        write_words(line, "health", &record.health).map_err(failed)?;
        write_words(line, "drift", &record.drift).map_err(failed)?;
        line.push(b'\n');
        Ok(())
    }
}
