//! What is usual at each hour of the day: a camera's own past, which is a better measure of
//! what it shows now than any fixed number. Hours are those of UTC: the sun knows no
//! daylight saving time, and no time zone has to be known.

use serde::{Deserialize, Serialize};

/// Days after which an hour is known.
const KNOWN: f32 = 3.0;
/// Days that count: the newest day among so many at most.
const MEMORY: f32 = 28.0;
/// Values, and seconds from first to last, that make an hour count.
const VALUES: f64 = 10.0;
const SPAN: u64 = 600;

/// Deviations from the usual that are still usual.
const DEVIATIONS: f32 = 5.0;

/// The hour of the day, 0 to 23, so many seconds into the Unix epoch.
pub(super) fn of_day(second: u64) -> usize {
    (second / 3600 % 24) as usize
}

/// What a number usually is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Usually {
    pub(super) mean: f32,
    /// Standard deviation: within the hour, and from day to day.
    pub(super) deviation: f32,
}

impl Usually {
    /// What is unusually little: less by `least`, and by more deviations than are usual.
    pub(super) fn below(&self, least: f32) -> f32 {
        self.mean - least.max(DEVIATIONS * self.deviation)
    }

    /// What is unusually much.
    pub(super) fn above(&self, least: f32) -> f32 {
        self.mean + least.max(DEVIATIONS * self.deviation)
    }
}

/// Means and deviations of `N` numbers at every hour.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Hours<const N: usize> {
    /// By number, then by hour.
    table: Vec<[Hour; 24]>,
    #[serde(skip)]
    open: Vec<Open>,
    #[serde(skip)]
    hour: u64,
    #[serde(skip)]
    began: u64,
    #[serde(skip)]
    latest: u64,
}

/// One number at one hour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Hour {
    days: f32,
    mean: f32,
    /// Variance of the day's mean.
    between: f32,
    /// Variance within a day.
    within: f32,
}

/// One number in the hour that is not over.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Open {
    count: f64,
    sum: f64,
    squares: f64,
}

impl<const N: usize> Default for Hours<N> {
    fn default() -> Self {
        Self {
            table: vec![[Hour::default(); 24]; N],
            open: vec![Open::default(); N],
            hour: 0,
            began: 0,
            latest: 0,
        }
    }
}

impl<const N: usize> Hours<N> {
    /// Whether it has a row for each number.
    pub(super) fn is_sound(&self) -> bool {
        self.table.len() == N
    }

    /// What number `number` usually is at `hour`, if enough days are known.
    pub(super) fn at(&self, hour: usize, number: usize) -> Option<Usually> {
        let known = &self.table[number][hour];
        (known.days >= KNOWN).then(|| Usually {
            mean: known.mean,
            deviation: (known.between * (1.0 + 1.0 / known.days) + known.within).sqrt(),
        })
    }

    /// Whether what number `number` usually is at any known hour is such.
    pub(super) fn any(&self, number: usize, is_such: impl Fn(Usually) -> bool) -> bool {
        (0..24).any(|hour| self.at(hour, number).is_some_and(&is_such))
    }

    /// Takes `values` for usual; those that are not numbers are not known.
    pub(super) fn enter(&mut self, second: u64, values: &[f32; N]) {
        let hour = second / 3600;
        if hour != self.hour || self.open.len() != N {
            self.close();
            (self.hour, self.began) = (hour, second);
        }
        self.latest = second;
        for (open, value) in self.open.iter_mut().zip(values) {
            if value.is_finite() {
                let value = f64::from(*value);
                open.count += 1.0;
                open.sum += value;
                open.squares += value * value;
            }
        }
    }

    /// The hour is over.
    fn close(&mut self) {
        let enough = self.latest.saturating_sub(self.began) >= SPAN;
        let hour = (self.hour % 24) as usize;
        for (open, row) in self.open.iter().zip(&mut self.table) {
            if enough && open.count >= VALUES {
                let mean = open.sum / open.count;
                let variance = (open.squares / open.count - mean * mean).max(0.0);
                row[hour].enter(mean as f32, variance as f32);
            }
        }
        self.open.clear();
        self.open.resize(N, Open::default());
    }
}

impl Hour {
    /// One more day, whose values have this mean and variance.
    fn enter(&mut self, mean: f32, variance: f32) {
        self.days = (self.days + 1.0).min(MEMORY);
        let share = 1.0 / self.days;
        let step = mean - self.mean;
        self.mean += step * share;
        self.between = (1.0 - share) * (self.between + step * step * share);
        self.within += (variance - self.within) * share;
    }
}

#[cfg(test)]
mod tests {
    use super::{Hours, of_day};

    #[test]
    fn an_hour_is_known_after_three_days_and_has_their_mean_and_deviation() {
        let mut hours = Hours::<1>::default();
        for day in 0..4 {
            for minute in 0..60 {
                // Day means of 10, 20, 30 and 40; within a day the values alternate by 1.
                let value = 10.0 * (day + 1) as f32 + if minute % 2 == 0 { 1.0 } else { -1.0 };
                hours.enter(day * 86_400 + 7 * 3600 + minute * 60, &[value]);
                assert_eq!(hours.at(7, 0).is_some(), day >= 3);
            }
        }
        hours.enter(86_400 * 5, &[f32::NAN]);
        let usual = hours.at(7, 0).unwrap();
        assert!((usual.mean - 25.0).abs() < 1e-4);
        // Of the four days' means the variance is 125; a new day's mean is 1 / 4 less sure.
        assert!((usual.deviation.powi(2) - (125.0 * 1.25 + 1.0)).abs() < 1e-2);
        assert_eq!(hours.at(8, 0), None);
        assert_eq!(of_day(86_400 * 3 + 3599), 0);
    }
}
