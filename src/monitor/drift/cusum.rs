//! The cumulative sum, on both sides, and where it rings.

use serde::{Deserialize, Serialize};

use super::blocks::BASE;

/// Deviations beyond which one block counts no more: a single one must not ring.
const MOST: f32 = 6.0;
/// Beyond the threshold a sum grows by so much: what is over is to be seen soon.
const ROOM: f32 = 2.0;
const SECONDS_OF_YEAR: f64 = 365.0 * 86_400.0;

/// Whether something is more or less than it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// More.
    Up,
    /// Less.
    Down,
}

/// Where a sum rings, and what it forgives per block.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Threshold {
    pub(super) height: f32,
    pub(super) slack: f32,
}

/// Beyond what theory asks for: what is usual is known from some weeks only.
const MARGIN: f32 = 1.0;

impl Threshold {
    /// For sums that forgive `slack` per block of `length` shortest ones, of which so many
    /// may ring by mistake once a year.
    pub(super) fn new(slack: f32, length: u64, sums: f64) -> Self {
        let blocks = SECONDS_OF_YEAR / (BASE * length) as f64;
        let height = (sums * blocks).ln().max(1.0) as f32 / (2.0 * slack);
        Self {
            height: height + MARGIN,
            slack,
        }
    }
}

/// One side's sum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sum {
    height: f32,
    /// Blocks since it was last nothing, and their mean deviation from the usual.
    blocks: u32,
    mean: f32,
}

impl Sum {
    fn add(&mut self, z: f32, raw: f32, threshold: Threshold) {
        let height = (self.height + z - threshold.slack).max(0.0);
        self.height = height.min(threshold.height + ROOM);
        if self.height == 0.0 {
            (self.blocks, self.mean) = (0, 0.0);
        } else {
            self.blocks += 1;
            self.mean += (raw - self.mean) / self.blocks as f32;
        }
    }
}

/// Both sides' sums.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Cusum {
    up: Sum,
    down: Sum,
}

/// What a sum tells of a change.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Change {
    pub(super) side: Side,
    /// Blocks since it began.
    pub(super) blocks: u32,
    /// Their mean deviation, as it was entered.
    pub(super) mean: f32,
}

impl Cusum {
    /// One more block: `z` deviates by so many standard deviations, which is `raw` in the unit
    /// that changes are told in.
    pub(super) fn add(&mut self, z: f32, raw: f32, threshold: Threshold) {
        let z = z.clamp(-MOST, MOST);
        self.up.add(z, raw, threshold);
        self.down.add(-z, raw, threshold);
    }

    /// What is beyond the threshold.
    pub(super) fn alarm(&self, threshold: Threshold) -> Option<Change> {
        let sides = [(Side::Up, self.up), (Side::Down, self.down)];
        let (side, sum) = sides
            .into_iter()
            .find(|(_, sum)| sum.height > threshold.height)?;
        Some(Change {
            side,
            blocks: sum.blocks,
            mean: sum.mean,
        })
    }

    /// Whether there is nothing left on that side.
    pub(super) fn is_over(&self, side: Side) -> bool {
        match side {
            Side::Up => self.up.height == 0.0,
            Side::Down => self.down.height == 0.0,
        }
    }

    /// Blocks on that side since it was last nothing, and their mean deviation.
    pub(super) fn since(&self, side: Side) -> (u32, f32) {
        let sum = match side {
            Side::Up => self.up,
            Side::Down => self.down,
        };
        (sum.blocks, sum.mean)
    }

    /// The share of the way to an alarm, 0 to 1.
    pub(super) fn level(&self, threshold: Threshold) -> f32 {
        (self.up.height.max(self.down.height) / threshold.height).min(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::{Cusum, Side, Threshold};

    #[test]
    fn thresholds_come_from_the_blocks_of_a_year() {
        let height = |slack, length, sums| Threshold::new(slack, length, sums).height;
        // ln(14 * 52560) + 1; ln(14 * 365) / 2 + 1; and for a tenth of the alarms.
        assert!((height(0.5, 1, 14.0) - 14.509).abs() < 1e-3);
        assert!((height(1.0, 144, 14.0) - 5.269).abs() < 1e-3);
        assert!((height(1.0, 144, 140.0) - 6.421).abs() < 1e-3);
    }

    #[test]
    fn a_lasting_change_rings_and_tells_how_large_it_is() {
        let limit = Threshold::new(0.5, 1, 14.0);
        let mut sums = Cusum::default();
        // 2 - 0.5 a block: 14.5 is passed by the tenth.
        for block in 1..=10 {
            sums.add(-2.0, -30.0, limit);
            assert_eq!(sums.alarm(limit).is_some(), block == 10);
        }
        let change = sums.alarm(limit).unwrap();
        assert_eq!(
            (change.side, change.blocks, change.mean),
            (Side::Down, 10, -30.0)
        );
        // One of a thousand deviations does not ring.
        let mut sums = Cusum::default();
        sums.add(1000.0, 0.0, limit);
        assert_eq!(sums.alarm(limit), None);
        while !sums.is_over(Side::Up) {
            sums.add(0.0, 0.0, limit);
        }
        assert_eq!(sums.level(limit), 0.0);
    }
}
