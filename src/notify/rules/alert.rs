//! What an action is run for, and until when.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use bytes::Bytes;

/// When every action has to be over; set once the program ends. The rules of all sources of
/// a session share one, so that the end takes no longer the more there are.
pub type End = Arc<OnceLock<Instant>>;

/// What an action is run for.
pub(crate) struct Alert {
    pub(crate) rule: String,
    /// What the source is called, or else where its frames come from.
    pub(crate) source: String,
    pub(crate) label: String,
    pub(crate) score: f32,
    /// The record, as JSON.
    pub(crate) record: Bytes,
}
