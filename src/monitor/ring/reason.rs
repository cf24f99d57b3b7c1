//! Why a frame is worth looking at, and how many were kept for each reason.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

/// Why a frame is worth looking at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reason {
    /// For none but that its time had come: a fair sample, by which alone accuracy can be
    /// measured.
    Random,
    /// Something is wrong with the picture.
    Unhealthy,
    /// Farther from what the model learned than any of its validation pictures.
    Novel,
    /// Another model answers otherwise.
    Disagreed,
    /// The answer is a close one.
    Unsure,
    /// The answer is another than before.
    Changed,
}

impl Reason {
    /// All, in the order in which one is preferred where several hold.
    pub const ALL: [Self; 6] = [
        Self::Random,
        Self::Unhealthy,
        Self::Novel,
        Self::Disagreed,
        Self::Unsure,
        Self::Changed,
    ];

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Random => "random",
            Self::Unhealthy => "unhealthy",
            Self::Novel => "novel",
            Self::Disagreed => "disagreed",
            Self::Unsure => "unsure",
            Self::Changed => "changed",
        }
    }

    /// Its share of the room and of a day's writing, of all reasons' together.
    pub(super) fn share(self) -> f64 {
        match self {
            Self::Random | Self::Unsure => 0.2,
            Self::Novel => 0.3,
            Self::Unhealthy | Self::Disagreed | Self::Changed => 0.1,
        }
    }
}

/// Some reasons.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Reasons(u8);

impl Reasons {
    pub(super) fn add(&mut self, reason: Reason, holds: bool) {
        self.0 |= u8::from(holds) << reason as u8;
    }

    pub(super) fn remove(&mut self, reason: Reason) {
        self.0 &= !(1 << reason as u8);
    }

    /// The preferred one.
    pub(super) fn first(self) -> Option<Reason> {
        self.iter().next()
    }

    /// The reasons, the preferred one first.
    pub(super) fn iter(self) -> impl Iterator<Item = Reason> {
        let holds = move |reason: &Reason| self.0 & (1 << *reason as u8) != 0;
        Reason::ALL.into_iter().filter(holds)
    }
}

/// How many frames of a source a ring has kept, left out and deleted, by their reason: of
/// several the first, in the order of [`Reason::ALL`].
#[derive(Debug, Default)]
pub struct RingCounts {
    kept: [AtomicU64; 6],
    dropped: [AtomicU64; 6],
    missed: [AtomicU64; 6],
    deleted: [AtomicU64; 6],
}

impl RingCounts {
    /// Frames kept so far.
    pub fn kept(&self, reason: Reason) -> u64 {
        self.kept[reason as usize].load(Ordering::Relaxed)
    }

    /// Frames that there was this reason to keep, and that were not: there was enough of the
    /// kind, or no room.
    pub fn dropped(&self, reason: Reason) -> u64 {
        self.dropped[reason as usize].load(Ordering::Relaxed)
    }

    /// The same for which the disk was too slow.
    pub fn missed(&self, reason: Reason) -> u64 {
        self.missed[reason as usize].load(Ordering::Relaxed)
    }

    /// Frames that were kept and had to go.
    pub fn deleted(&self, reason: Reason) -> u64 {
        self.deleted[reason as usize].load(Ordering::Relaxed)
    }

    pub(super) fn count_kept(&self, reason: Reason) {
        self.kept[reason as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_dropped(&self, reason: Reason) {
        self.dropped[reason as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_missed(&self, reason: Reason) {
        self.missed[reason as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_deleted(&self, reason: Reason) {
        self.deleted[reason as usize].fetch_add(1, Ordering::Relaxed);
    }
}
