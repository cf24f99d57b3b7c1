//! Whoever is told what a live source shows: a terminal, a web page, a broker, a program.
//! The loop tells all of them in turn, so none may keep it waiting.

use std::cell::OnceCell;
use std::sync::Arc;

use bytes::Bytes;

use super::stats::LoopStats;
use crate::error::{Error, Result};
use crate::monitor::Report;
use crate::pipeline::Scores;
use crate::pipeline::capture::Frame;
use crate::pipeline::record::{Context, Record};
use crate::pipeline::write::json_object;
use crate::swap::SwapEvent;

/// Someone who is told. Every method returns at once: what takes time happens elsewhere.
pub trait Observer {
    /// A frame was classified.
    ///
    /// # Errors
    /// There is no sense in going on; the loop ends.
    fn on_frame(&mut self, event: &FrameEvent) -> Result<()>;

    /// A frame showed nothing new and was not classified.
    fn on_skipped(&mut self, _frame: &Frame) {}

    /// The source is lost and waited for, or cannot be used, for this reason.
    fn on_outage(&mut self, _error: &Error) {}

    /// Comes several times a second, whether or not there are frames.
    ///
    /// # Errors
    /// There is no sense in going on; the loop ends.
    fn on_stats(&mut self, _stats: &LoopStats) -> Result<()> {
        Ok(())
    }

    /// What is known of a watched source has changed; the same comes every ten seconds or so.
    fn on_report(&mut self, _report: &Arc<Report>) {}

    /// Another model is asked for, ready, or refused.
    fn on_swap(&mut self, _event: SwapEvent<'_>) {}

    /// The records are another model's from now on.
    fn on_model(&mut self, _context: &Context) {}
}

/// One classified frame.
pub struct FrameEvent<'a> {
    /// The frame.
    pub frame: &'a Frame,
    /// What is said about it.
    pub record: &'a Record,
    /// The scores of every class, smoothed as the decision is.
    pub scores: &'a Scores,
    /// What the record has in common with others.
    pub context: &'a Context,
    json: OnceCell<Bytes>,
}

impl<'a> FrameEvent<'a> {
    pub(crate) fn new(
        frame: &'a Frame,
        record: &'a Record,
        scores: &'a Scores,
        context: &'a Context,
    ) -> Self {
        Self {
            frame,
            record,
            scores,
            context,
            json: OnceCell::new(),
        }
    }

    /// The record as a JSON object, made once for all who want it.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn json(&self) -> Result<Bytes> {
        if let Some(json) = self.json.get() {
            return Ok(json.clone());
        }
        let mut object = Vec::with_capacity(1024);
        json_object(self.context, self.record, &mut object)?;
        Ok(self.json.get_or_init(|| object.into()).clone())
    }
}
