//! What an action is run for, and until when.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use bytes::Bytes;

/// When every action has to be over; set once the program ends.
pub(crate) type End = Arc<OnceLock<Instant>>;

/// What an action is run for.
pub(crate) struct Alert {
    pub(crate) rule: String,
    pub(crate) label: String,
    pub(crate) score: f32,
    /// The record, as JSON.
    pub(crate) record: Bytes,
}
