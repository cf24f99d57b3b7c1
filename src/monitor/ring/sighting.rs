//! A frame that there is reason to keep, on its way from the live loop to the ring's thread.

use std::sync::Arc;

use bytes::Bytes;

use super::reason::Reasons;
use crate::model::Model;
use crate::pipeline::capture::Frame;

/// The frame, and what was said of it.
pub(super) struct Sighting {
    /// The place of its source among those of the ring.
    pub(super) source: usize,
    pub(super) reasons: Reasons,
    pub(super) frame: Frame,
    /// Of every class.
    pub(super) scores: Vec<f32>,
    /// The features, if there are any.
    pub(super) embedding: Vec<f32>,
    /// How far they are from what the model learned.
    pub(super) distance: Option<f32>,
    /// What is wrong with the picture.
    pub(super) health: Option<String>,
    /// The record, a JSON object.
    pub(super) record: Bytes,
    /// Which model said it.
    pub(super) model: Option<Arc<Model>>,
}
