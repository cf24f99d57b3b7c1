//! Who is told of a live source on this machine: whoever reads standard output, a person
//! at a terminal, a recording.

use std::io::Stdout;

use crate::audience::{Audience, Moment};
use crate::error::Result;
use crate::pipeline::live::Standing;
use crate::pipeline::write::{Context, Recording, View, Writer};

/// Lines on standard output.
pub struct Lines {
    /// Writes them.
    pub writer: Writer<Stdout>,
    /// Whether only frames that change the answer count.
    pub changes_only: bool,
}

impl Audience for Lines {
    fn moment(&mut self, moment: &Moment) -> Result<()> {
        if self.changes_only && moment.record.decision.change.is_none() {
            return Ok(());
        }
        self.writer.write(moment.record)
    }

    fn set_context(&mut self, context: &Context) {
        self.writer.set_context(context.clone());
    }
}

/// A block that is drawn over and over.
pub struct Screen(pub View);

impl Audience for Screen {
    fn moment(&mut self, moment: &Moment) -> Result<()> {
        self.0.enter(moment.record);
        Ok(())
    }

    fn standing(&mut self, standing: &Standing) -> Result<()> {
        self.0.draw(standing)
    }

    fn set_context(&mut self, context: &Context) {
        self.0.set_context(context.clone());
    }
}

/// Frames and records in a folder.
pub struct Recorder(pub Recording);

impl Audience for Recorder {
    fn moment(&mut self, moment: &Moment) -> Result<()> {
        self.0.keep(moment.frame, &moment.json()?);
        Ok(())
    }
}
