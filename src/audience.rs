//! Whoever is told what a live source shows: a terminal, a web page, a broker, a program.
//! The loop tells all of them in turn, so none may keep it waiting.

mod actions;
mod mqtt;

use std::cell::OnceCell;

use bytes::Bytes;

use crate::error::Result;
use crate::pipeline::capture::Frame;
use crate::pipeline::live::Standing;
use crate::pipeline::score::Scores;
use crate::pipeline::write::{Context, Record, json_object};

pub use actions::{Actions, Deed, Rule, Url};
pub use mqtt::{Address, Mqtt, MqttOptions};

/// Someone who is told.
pub trait Audience {
    /// A frame was classified. Returns at once: what takes time happens elsewhere.
    ///
    /// # Errors
    /// There is no sense in going on; the loop ends.
    fn moment(&mut self, moment: &Moment) -> Result<()>;

    /// A frame showed nothing new and was not classified.
    fn glimpse(&mut self, _frame: &Frame) {}

    /// Comes several times a second, whether or not there are frames.
    ///
    /// # Errors
    /// There is no sense in going on; the loop ends.
    fn standing(&mut self, _standing: &Standing) -> Result<()> {
        Ok(())
    }

    /// The records are another model's from now on.
    fn set_context(&mut self, _context: &Context) {}
}

/// One classified frame.
pub struct Moment<'a> {
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

impl<'a> Moment<'a> {
    /// A moment.
    pub fn new(
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
