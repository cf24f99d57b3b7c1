//! Records for people: `cat.jpg: tabby 0.71, tiger cat 0.19, …`.

use std::io::Write;

use super::{Context, Record, Sink};
use crate::error::{Error, Result};

/// The format.
pub struct Text {
    context: Context,
}

impl Text {
    pub fn new(context: Context) -> Self {
        Self { context }
    }
}

impl Sink for Text {
    fn write(&mut self, record: &Record, line: &mut Vec<u8>) -> Result<()> {
        let failed = |e| Error::output("text", "cannot be written").caused_by(e);
        let unknown = if record.decision.unknown {
            "unknown, perhaps "
        } else {
            ""
        };
        write!(line, "{}: {unknown}", record.source).map_err(failed)?;
        for (place, candidate) in record.top.iter().enumerate() {
            let comma = if place > 0 { ", " } else { "" };
            write!(
                line,
                "{comma}{} {:.4}",
                self.context.labels[candidate.index], candidate.score
            )
            .map_err(failed)?;
        }
        line.push(b'\n');
        Ok(())
    }
}
