//! Whether anything moves. Most cameras look at the same scene most of the time, and
//! classifying it again costs energy and tells nothing.
//!
//! A picture is still while no cell of its luma summary is more than a threshold away from
//! that of the picture classified last: noise averages out, and
//! what creeps is noticed in the end. Frames are skipped once the picture has been still
//! for as long as the answer takes to settle, and never for longer than a limit.

use std::time::{Duration, Instant};

use super::luma::LumaSummary;

/// When frames are skipped.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MotionGateOptions {
    /// Steps of luma, 0 to 255, by which a cell may change.
    pub threshold: f32,
    /// After so long without a classified frame one is classified in any case.
    pub limit: Duration,
}

/// Watches pictures for changes.
pub(crate) struct MotionGate {
    options: MotionGateOptions,
    settle: Duration,
    /// The picture classified last.
    reference: LumaSummary,
    classified: Option<Instant>,
    moved: Option<Instant>,
}

impl MotionGate {
    /// Skips as `options` say, but not before an answer has had time to `settle`.
    pub(crate) fn new(options: MotionGateOptions, settle: Duration) -> Self {
        Self {
            options,
            settle,
            reference: LumaSummary::default(),
            classified: None,
            moved: None,
        }
    }

    /// Whether a picture captured at `at` need not be classified. If it is not skipped, it
    /// counts as classified.
    pub(crate) fn skips(&mut self, luma: &LumaSummary, at: Instant) -> bool {
        let since = |then: Option<Instant>| then.map(|then| at.saturating_duration_since(then));
        if luma.difference(&self.reference) > self.options.threshold {
            self.moved = Some(at);
        } else if since(self.moved).is_some_and(|passed| passed >= self.settle)
            && since(self.classified).is_some_and(|passed| passed < self.options.limit)
        {
            return true;
        }
        self.reference.clone_from(luma);
        self.classified = Some(at);
        false
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{MotionGate, MotionGateOptions};
    use crate::pipeline::decode::{Picture, Samples};
    use crate::pipeline::luma::LumaSummary;

    fn gray(luma: impl Fn(usize, usize) -> u8) -> LumaSummary {
        let mut picture = Picture::default();
        picture.set_whole(64, 48);
        picture.eighths = 8;
        picture.samples = Samples::Luma;
        picture.pixels = (0..64 * 48).map(|at| luma(at % 64, at / 64)).collect();
        let mut summary = LumaSummary::default();
        summary.measure(&picture);
        summary
    }

    #[test]
    fn a_still_scene_is_skipped_and_what_moves_is_not() {
        let options = MotionGateOptions {
            threshold: 4.0,
            limit: Duration::from_secs(10),
        };
        let mut gate = MotionGate::new(options, Duration::from_secs(1));
        let start = Instant::now();
        let at = |seconds: f64| start + Duration::from_secs_f64(seconds);
        let scene = gray(|x, _| x as u8);
        let noisy = gray(|x, y| x as u8 + ((x * 7 + y * 13) % 5) as u8);
        // An object in a few of 1024 cells.
        let object = gray(|x, y| if x < 4 && y < 3 { 90 } else { x as u8 });
        let steps = [
            (0.0, &scene, false),
            // The answer has a second to settle.
            (0.5, &scene, false),
            (1.0, &scene, true),
            (1.5, &noisy, true),
            (2.0, &object, false),
            (2.9, &object, false),
            (3.0, &object, true),
            // Ten seconds after the last look, another.
            (12.8, &object, true),
            (12.9, &object, false),
            (13.0, &object, true),
            (13.1, &scene, false),
        ];
        for (seconds, picture, skipped) in steps {
            assert_eq!(gate.skips(picture, at(seconds)), skipped, "at {seconds} s");
        }
    }

    #[test]
    fn what_creeps_is_noticed() {
        let options = MotionGateOptions {
            threshold: 4.0,
            limit: Duration::from_secs(1000),
        };
        let mut gate = MotionGate::new(options, Duration::ZERO);
        let start = Instant::now();
        let looks: Vec<u8> = (0..20)
            .filter(|step| {
                let at = start + Duration::from_secs(u64::from(*step));
                !gate.skips(&gray(|_, _| 100 + step), at)
            })
            .collect();
        assert_eq!(looks, [0, 5, 10, 15]);
    }
}
