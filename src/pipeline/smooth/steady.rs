//! A state that changes only after it has been called for long enough.

use std::time::{Duration, Instant};

/// A state, and what would take its place.
#[derive(Clone, Copy)]
pub(super) struct Steady<S> {
    /// The state and since when it stands.
    current: Option<(S, Instant)>,
    /// What is called for, and since when.
    pending: Option<(S, Instant)>,
}

/// What a change left behind: the state and how long it stood; nothing the first time.
pub(super) type Left<S> = Option<(S, Duration)>;

impl<S: Copy + PartialEq> Steady<S> {
    /// Nothing is known yet.
    pub(super) const fn new() -> Self {
        Self {
            current: None,
            pending: None,
        }
    }

    pub(super) fn state(&self) -> Option<S> {
        self.current.map(|(state, _)| state)
    }

    /// `target` is called for at the time `at`; a change has to last for `hold`. What it left
    /// behind, if this is the moment of one.
    pub(super) fn run(&mut self, target: S, hold: Duration, at: Instant) -> Option<Left<S>> {
        let Some((state, since)) = self.current else {
            // Nothing is known yet: there is nothing to hold on to.
            self.current = Some((target, at));
            return Some(None);
        };
        if target == state {
            self.pending = None;
            return None;
        }
        let waited_since = match self.pending {
            Some((pending, since)) if pending == target => since,
            _ => at,
        };
        if at.saturating_duration_since(waited_since) < hold {
            self.pending = Some((target, waited_since));
            return None;
        }
        self.pending = None;
        self.current = Some((target, at));
        Some(Some((state, at.saturating_duration_since(since))))
    }
}
