//! For programs: memory that loading a model takes and frees goes back to the system. A
//! library does not set its host's allocator, so the program asks.

use crate::ffi::malloc::{self, Keep};

/// As long as this lives, large blocks that are freed go back to the system; when it ends,
/// what is free goes back, too, and from then on blocks of a frame's size are kept.
#[must_use]
pub struct Loading(());

impl Loading {
    /// A model is about to be loaded.
    pub fn begin() -> Self {
        malloc::keep(Keep::Small);
        Self(())
    }
}

impl Drop for Loading {
    fn drop(&mut self) {
        malloc::trim();
        malloc::keep(Keep::Frames);
    }
}
