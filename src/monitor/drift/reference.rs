//! A camera's own past: what a statistic is at each hour of the day, and how its blocks vary
//! around that.

use serde::{Deserialize, Serialize};

use super::blocks::{self, BASE, DAY, Estimate};

/// Shortest blocks that make an hour of the day known: two days of it.
const KNOWN: u32 = 12;
/// How far from the usual a shortest block counts at most, in deviations.
const MOST: f32 = 4.0;
/// In how many of its shortest blocks an hour's mean follows the world: eight weeks. Seasons
/// change; what changes faster rings before it is followed.
const FOLLOWS: f32 = 6.0 * 56.0;

/// What is usual.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Reference {
    hours: [Option<Hour>; 24],
    /// Shortest blocks of a block.
    pub(super) length: u64,
    mean: f32,
    /// Of independent blocks that vary as much.
    deviation: f32,
    count: u32,
    /// Shortest blocks that a block has, in the mean.
    filled: f32,
}

/// How blocks are summed up: to notice what is small in time, or what is large soon.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Pace {
    /// Shortest blocks of a block.
    pub(super) length: u64,
    /// Shortest blocks that a block has, in the mean.
    pub(super) filled: f32,
    /// Deviations that a sum forgives per block.
    pub(super) slack: f32,
    deviation: f32,
}

/// Pieces of a day in which something large is noticed before it is over: hours.
const PIECE: u64 = 6;

/// One hour of the day.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Hour {
    mean: f32,
    deviation: f32,
}

fn hour_of(base: u64) -> usize {
    (base * BASE / 3600 % 24) as usize
}

impl Reference {
    /// Whether it can be counted with; it may come from a file.
    pub(super) fn is_sound(&self) -> bool {
        let numbers = [self.mean, self.deviation, self.filled];
        blocks::LENGTHS.contains(&self.length)
            && self.count > 0
            && numbers.iter().all(|number| number.is_finite())
            && self.deviation > 0.0
    }

    /// Of `values` beginning with shortest block `first`; no deviation is believed below
    /// `least`. `None` if there are too few.
    pub(super) fn learn(values: &[Option<f32>], first: u64, least: f32) -> Option<Self> {
        let mut hours = [None; 24];
        for (hour, known) in hours.iter_mut().enumerate() {
            let of_hour = values
                .iter()
                .zip(first..)
                .filter(|(_, base)| hour_of(*base) == hour);
            let values: Vec<f32> = of_hour.filter_map(|(value, _)| *value).collect();
            let count = values.len() as f32;
            let mean = values.iter().sum::<f32>() / count.max(1.0);
            let squares: f32 = values.iter().map(|value| (value - mean).powi(2)).sum();
            *known = (values.len() as u32 >= KNOWN).then(|| Hour {
                mean,
                deviation: (squares / count).sqrt().max(least),
            });
        }
        let deviates = |(value, base): (&Option<f32>, u64)| {
            let hour: Hour = hours[hour_of(base)]?;
            value.map(|value| hour.deviates(value))
        };
        let values: Vec<Option<f32>> = values.iter().zip(first..).map(deviates).collect();
        let (length, estimate) = blocks::choose(&values, first)?;
        let Estimate {
            mean,
            deviation,
            count,
            filled,
            ..
        } = estimate;
        Some(Self {
            hours,
            length,
            mean,
            // What an hour forgives, its blocks may not take back.
            deviation: deviation.max(1e-3),
            count: count as u32,
            filled,
        })
    }

    /// How far `value` is from the usual of its hour: in that hour's deviations, as far as
    /// they count, and in its own unit; `None` where that is not known. What is usual follows
    /// slowly, where it may.
    pub(super) fn deviates(&mut self, base: u64, value: f32, follows: bool) -> Option<[f32; 2]> {
        let hour = self.hours[hour_of(base)].as_mut()?;
        let deviates = [hour.deviates(value), value - hour.mean];
        if follows {
            hour.mean += deviates[0] * hour.deviation / FOLLOWS;
        }
        Some(deviates)
    }

    /// The two paces.
    pub(super) fn paces(&self) -> [Pace; 2] {
        let whole = Pace {
            length: self.length,
            filled: self.filled,
            slack: 0.5,
            deviation: self.deviation,
        };
        if self.length < DAY {
            let quick = Pace {
                slack: 1.5,
                ..whole
            };
            return [whole, quick];
        }
        // Within a day all pieces may share its weather: their deviation is that of which
        // sums vary as those of days do, and what is forgiven is more than two days' worth.
        let pieces = (self.filled / PIECE as f32).max(1.0);
        let quick = Pace {
            length: PIECE,
            filled: self.filled / pieces,
            slack: 0.5,
            deviation: self.deviation * pieces.sqrt(),
        };
        let whole = Pace {
            slack: 1.0,
            ..whole
        };
        [whole, quick]
    }

    /// How far the mean of a block's deviations is from the usual, in deviations of
    /// independent blocks.
    pub(super) fn block(&self, pace: &Pace, mean: f32) -> f32 {
        let unsure = (1.0 + 1.0 / self.count as f32).sqrt();
        (mean - self.mean) / (pace.deviation * unsure)
    }

    /// Takes `change`, in the statistic's unit and known from so many blocks, for usual.
    pub(super) fn shift(&mut self, change: f32, blocks: u32) {
        for hour in self.hours.iter_mut().flatten() {
            hour.mean += change;
        }
        self.count = blocks.max(2).min(self.count);
    }
}

impl Hour {
    fn deviates(&self, value: f32) -> f32 {
        ((value - self.mean) / self.deviation).clamp(-MOST, MOST)
    }
}

#[cfg(test)]
mod tests {
    use super::Reference;
    use crate::monitor::drift::blocks::DAY;

    #[test]
    fn an_hour_is_compared_with_itself() {
        let mut random = fastrand::Rng::with_seed(5);
        // Night at 20, day at 120, each with noise of a deviation of 2.
        let mut value = |base: u64| {
            let light = if (36..108).contains(&(base % DAY)) {
                120.0
            } else {
                20.0
            };
            let noise: f32 = (0..12).map(|_| random.f32()).sum();
            Some(light + 2.0 * (noise - 6.0))
        };
        let values: Vec<Option<f32>> = (0..28 * DAY).map(&mut value).collect();
        let mut usual = Reference::learn(&values, 0, 0.5).unwrap();
        assert_eq!(usual.length, 1);
        let mut at = |base, value| usual.deviates(base, value, false).unwrap();
        assert!((at(72, 120.0)[0]).abs() < 0.3);
        assert!((at(0, 24.0)[0] - 2.0).abs() < 0.3);
        let [counts, told] = at(0, 120.0);
        assert!(counts == 4.0 && (told - 100.0).abs() < 1.0);
        let [whole, _] = usual.paces();
        let z = usual.block(&whole, 1.0);
        assert!((0.7..1.0).contains(&z), "{z}");
        usual.shift(10.0, 5);
        assert!((usual.deviates(72, 130.0, false).unwrap()[0]).abs() < 0.3);
        // Known from five blocks only.
        let unsure = (1.0f32 + 1.0 / 4032.0).sqrt() / 1.2f32.sqrt();
        assert!((usual.block(&whole, 1.0) - z * unsure).abs() < 1e-3);
    }
}
