//! Whether the world of a camera has changed, with a promise: at most so many false alarms
//! per camera and year. Frames are not independent and a day has a cycle, so that no
//! textbook threshold holds. Here means over blocks of time are compared with the camera's
//! own past at that hour, blocks are as long as they have to be to be independent, and
//! thresholds come from how many of them a year has.
//!
//! Each statistic runs a cumulative sum on both sides: with z the deviation of a block's mean
//! from the usual, S = max(0, S + z - k), and an alarm where S passes h. exp(2kz - 2k²) is an
//! e-value of a normal z, so that a false alarm takes at least exp(2kh) blocks in the mean.
//! Two paces run side by side: a small k for what is small, a larger one for what is large.

mod blocks;
mod cusum;
mod reference;
mod statistics;
mod watch;

use serde::{Deserialize, Serialize};

use blocks::BASE;
pub use cusum::Side;
pub use statistics::{SHARES, Statistic, Statistics};
use watch::Watch;

/// Days of its own past that a camera is compared with.
pub const REFERENCE_DAYS: u64 = 28;

/// How drift is watched for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DriftOptions {
    /// False alarms that are taken into the bargain, per camera and year.
    pub alarms_per_year: f64,
}

impl Default for DriftOptions {
    fn default() -> Self {
        Self {
            alarms_per_year: 1.0,
        }
    }
}

/// That a statistic is no longer what it was.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alarm {
    /// Second of the Unix epoch at which it was noticed.
    pub noticed: u64,
    /// The same at which the change began, by the sum's own account.
    pub began: u64,
    /// Whether it is more or less than it was.
    pub side: Side,
    /// By how much, in the statistic's own unit.
    pub change: f32,
}

/// How far one statistic is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Progress {
    /// Learning what is usual: so many days of [`REFERENCE_DAYS`].
    Learning(u64),
    /// Watching, in blocks of so many seconds; the share of the way to an alarm, 0 to 1, that
    /// the sum has come.
    Watching {
        /// Length of a block, seconds.
        block: u64,
        /// Share of the threshold.
        level: f32,
    },
    /// Nothing to watch: it never had a value.
    Absent,
}

/// Watches the statistics of one source.
#[derive(Debug)]
pub struct Drift {
    options: DriftOptions,
    statistics: Statistics,
    watches: Vec<Watch>,
    /// The block of ten minutes that is not over.
    base: u64,
    open: Vec<Open>,
    means: Vec<Option<f32>>,
}

/// What outlives a restart; the block that is not over does not.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DriftState {
    watches: Vec<Watch>,
}

impl DriftState {
    /// Whether it can be gone on with; it may come from a file.
    pub(super) fn is_sound(&self) -> bool {
        self.watches.iter().all(Watch::is_sound)
    }
}

/// Values of a statistic so far.
#[derive(Clone, Copy, Debug, Default)]
struct Open {
    sum: f64,
    count: u64,
}

impl Drift {
    /// Knows nothing yet of `statistics`.
    pub fn new(statistics: Statistics, options: DriftOptions) -> Self {
        let count = statistics.count();
        Self {
            options,
            statistics,
            watches: vec![Watch::default(); count],
            base: 0,
            open: vec![Open::default(); count],
            means: vec![None; count],
        }
    }

    /// Goes on where an earlier run stopped; says whether that had the same statistics.
    pub(super) fn resume(&mut self, state: DriftState) -> bool {
        let is_same = state.watches.len() == self.watches.len();
        if is_same {
            self.watches = state.watches;
        }
        is_same
    }

    pub(super) fn state(&self) -> DriftState {
        DriftState {
            watches: self.watches.clone(),
        }
    }

    /// One frame's values, so many seconds into the Unix epoch; those that are not numbers
    /// are not known. Says whether an alarm came or went.
    pub fn observe(&mut self, second: u64, values: &[f32]) -> bool {
        let base = second / BASE;
        let changed = base != self.base && self.close();
        self.base = base;
        for (open, value) in self.open.iter_mut().zip(values) {
            if value.is_finite() {
                open.sum += f64::from(*value);
                open.count += 1;
            }
        }
        changed
    }

    fn close(&mut self) -> bool {
        let mut means = std::mem::take(&mut self.means);
        for (open, mean) in self.open.iter_mut().zip(&mut means) {
            *mean = (open.count > 0).then(|| (open.sum / open.count as f64) as f32);
            *open = Open::default();
        }
        let changed = means.iter().any(Option::is_some) && self.push(self.base, &means);
        self.means = means;
        changed
    }

    /// The means over ten minutes, number `base` of them in the Unix epoch. Says whether an
    /// alarm came or went.
    pub fn push(&mut self, base: u64, means: &[Option<f32>]) -> bool {
        let sums = self.sums();
        let mut changed = false;
        for ((watch, mean), statistic) in self
            .watches
            .iter_mut()
            .zip(means)
            .zip(self.statistics.iter())
        {
            changed |= watch.push(base, *mean, statistic.least_deviation(), sums);
        }
        changed
    }

    /// How many sums there are for each alarm that may be false: two paces, on two sides.
    fn sums(&self) -> f64 {
        4.0 * self.watches.len() as f64 / self.options.alarms_per_year
    }

    /// What is watched.
    pub fn statistics(&self) -> Statistics {
        self.statistics
    }

    /// The alarms there are, acknowledged ones left out.
    pub fn alarms(&self) -> impl Iterator<Item = (Statistic, Alarm)> {
        let pairs = self.statistics.iter().zip(&self.watches);
        pairs.filter_map(|(statistic, watch)| Some((statistic, watch.alarm()?)))
    }

    /// Whether there is no alarm, acknowledged ones left out.
    pub fn is_quiet(&self) -> bool {
        self.alarms().next().is_none()
    }

    /// How far `statistic` is.
    pub fn progress(&self, statistic: Statistic) -> Progress {
        let place = self.statistics.place(statistic);
        let watch = place.and_then(|place| self.watches.get(place));
        watch.map_or(Progress::Absent, |watch| watch.progress(self.sums()))
    }

    /// The last blocks' deviations from the usual, oldest first; at most 64.
    pub fn history(&self, statistic: Statistic) -> &[f32] {
        let place = self.statistics.place(statistic);
        let watch = place.and_then(|place| self.watches.get(place));
        watch.map_or(&[], Watch::history)
    }

    /// Takes the way things are since the change of `statistic` for usual. Says whether there
    /// was an alarm.
    pub fn acknowledge(&mut self, statistic: Statistic) -> bool {
        let place = self.statistics.place(statistic);
        let watch = place.and_then(|place| self.watches.get_mut(place));
        watch.is_some_and(Watch::acknowledge)
    }
}
