//! What is said of a live source on this terminal: lines on standard output, or a block that
//! is drawn over and over.

use std::io::Stdout;

use ocelli::Result;
use ocelli::pipeline::record::Context;
use ocelli::pipeline::write::Writer;
use ocelli::session::{FrameEvent, LoopStats, Observer};

use crate::terminal::TerminalView;

/// Lines on standard output.
pub(crate) struct Lines {
    /// Writes them.
    pub(crate) writer: Writer<Stdout>,
    /// Whether only frames that change the answer count.
    pub(crate) changes_only: bool,
}

impl Observer for Lines {
    fn on_frame(&mut self, event: &FrameEvent) -> Result<()> {
        if self.changes_only && event.record.decision.change.is_none() {
            return Ok(());
        }
        self.writer.write(event.record)
    }

    fn on_model(&mut self, context: &Context) {
        self.writer.set_context(context.clone());
    }
}

impl Observer for TerminalView {
    fn on_frame(&mut self, event: &FrameEvent) -> Result<()> {
        self.enter(event.record);
        Ok(())
    }

    fn on_stats(&mut self, stats: &LoopStats) -> Result<()> {
        self.draw(stats)
    }

    fn on_model(&mut self, context: &Context) {
        self.set_context(context.clone());
    }
}
