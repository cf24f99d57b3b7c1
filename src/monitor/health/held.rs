//! A finding that has to last before it counts, and to be over for as long before it is gone:
//! so that neither a passing shadow nor a single better frame makes an event.

use std::time::Duration;

/// Frames that a finding takes at least, however far apart they are.
const FRAMES: u32 = 5;

/// How long a finding has lasted, less how long it was absent since.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Held {
    level: Duration,
    active: bool,
}

impl Held {
    /// Another look, after so long; `None` where it cannot be judged, which changes nothing.
    pub(super) fn step(&mut self, bad: Option<bool>, passed: Duration, minimum: Duration) {
        let passed = passed.min(minimum / FRAMES);
        match bad {
            Some(true) => self.level = (self.level + passed).min(minimum),
            Some(false) => self.level = self.level.saturating_sub(passed),
            None => return,
        }
        if self.level >= minimum {
            self.active = true;
        } else if self.level.is_zero() {
            self.active = false;
        }
    }

    pub(super) fn active(&self) -> bool {
        self.active
    }

    /// Whether there is no sign of it.
    pub(super) fn is_quiet(&self) -> bool {
        self.level.is_zero() && !self.active
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::Held;
    use std::time::Duration;

    #[test]
    fn a_finding_counts_after_its_minimum_and_is_gone_after_as_long() {
        let (second, minimum) = (Duration::from_secs(1), Duration::from_secs(20));
        let mut held = Held::default();
        let mut active_after = |bad, steps| {
            for _ in 0..steps {
                held.step(bad, second, minimum);
            }
            (held.active(), held.is_quiet())
        };
        assert_eq!(active_after(Some(true), 19), (false, false));
        assert_eq!(active_after(Some(true), 1), (true, false));
        assert_eq!(active_after(None, 100), (true, false));
        assert_eq!(active_after(Some(false), 19), (true, false));
        assert_eq!(active_after(Some(false), 1), (false, true));
        // A flicker of one in three never counts.
        for _ in 0..100 {
            assert!(!active_after(Some(true), 1).0);
            assert!(!active_after(Some(false), 2).0);
        }
    }

    #[test]
    fn rare_frames_take_five() {
        let mut held = Held::default();
        let steps = (1..).find(|_| {
            held.step(
                Some(true),
                Duration::from_secs(600),
                Duration::from_secs(20),
            );
            held.active()
        });
        assert_eq!(steps, Some(5));
    }
}
