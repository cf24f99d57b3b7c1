//! Last stage: records as lines, one per frame, flushed, so that whoever reads the pipe sees
//! a frame as soon as it is classified.

mod csv;
mod json;
mod text;

use std::io::Write;

use serde::Deserialize;

use super::record::{Context, Record};
use crate::error::{Error, Result};
#[cfg(feature = "serve")]
pub(crate) use json::Line as JsonRecord;
pub(crate) use json::object as json_object;
pub use text::Inline;
pub(crate) use text::unknown;

/// A way of writing records.
trait LineFormat {
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
    lines: Box<dyn LineFormat>,
    line: Vec<u8>,
}

impl<W: Write> Writer<W> {
    /// A writer to `out`.
    pub fn new(out: W, format: Format, context: Context) -> Self {
        let lines: Box<dyn LineFormat> = match format {
            Format::Text => Box::new(text::Text::new(context)),
            Format::Json => Box::new(json::Json::new(context)),
            Format::Csv => Box::new(csv::Csv::new(context)),
        };
        Self {
            out,
            lines,
            line: Vec::new(),
        }
    }

    /// The records are another model's from now on.
    pub fn set_context(&mut self, context: Context) {
        self.lines.set_context(context);
    }

    /// Writes and flushes one record.
    ///
    /// # Errors
    /// The output is closed or full.
    pub fn write(&mut self, record: &Record) -> Result<()> {
        self.line.clear();
        self.lines.write(record, &mut self.line)?;
        let written = self
            .out
            .write_all(&self.line)
            .and_then(|()| self.out.flush());
        written.map_err(|e| Error::output("standard output", "cannot be written").caused_by(e))
    }
}
