//! One statistic's way: it learns what is usual, then watches, and says when that changed.

use serde::{Deserialize, Serialize};

use super::blocks::{BASE, DAY, is_filled};
use super::cusum::{Change, Cusum, Threshold};
use super::reference::Reference;
use super::{Alarm, Progress, REFERENCE_DAYS};

/// Blocks whose deviations are kept for whoever wants to see them.
const HISTORY: usize = 64;
/// Days on which there has to be something before what is usual is known.
const DAYS: usize = 14;

/// One statistic.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Watch {
    /// The first shortest block of what is learned from, and the means since.
    first: u64,
    learned: Vec<Option<f32>>,
    reference: Option<Reference>,
    /// At the one pace and at the other.
    charts: [Chart; 2],
    alarm: Option<Alarm>,
    history: Vec<f32>,
}

/// The sums at one pace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Chart {
    sums: Cusum,
    block: Block,
}

/// A block, over or not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Block {
    number: u64,
    /// Of deviations, and of what they are in the statistic's unit.
    sum: f32,
    change: f32,
    count: u32,
}

impl Watch {
    /// Whether it can be gone on with; it may come from a file.
    pub(super) fn is_sound(&self) -> bool {
        /// No clock is later, in shortest blocks: the year 3000.
        const LATEST: u64 = 54_000_000;
        self.first < LATEST
            && self.learned.len() <= (REFERENCE_DAYS * DAY) as usize
            && self.history.len() <= HISTORY
            && self.reference.as_ref().is_none_or(Reference::is_sound)
    }

    /// One more shortest block; `sums` of all statistics together may ring once a year. Says
    /// whether an alarm came or went.
    pub(super) fn push(&mut self, base: u64, mean: Option<f32>, least: f32, sums: f64) -> bool {
        let Some(mean) = mean else { return false };
        let Some(reference) = &mut self.reference else {
            self.learn(base, mean, least);
            return false;
        };
        let follows = self.alarm.is_none();
        let Some(deviates) = reference.deviates(base, mean, follows) else {
            return false;
        };
        let mut rings = None;
        for (place, (chart, pace)) in self.charts.iter_mut().zip(reference.paces()).enumerate() {
            let Some(over) = chart.block.enter(base / pace.length, deviates) else {
                continue;
            };
            if !is_filled(over.count, pace.filled) {
                continue;
            }
            let count = over.count as f32;
            let z = reference.block(&pace, over.sum / count);
            let limit = Threshold::new(pace.slack, pace.length, sums);
            chart.sums.add(z, over.change / count, limit);
            let passed = |change: &Change| u64::from(change.blocks) * pace.length;
            let found = chart.sums.alarm(limit);
            rings = rings.or(found.map(|change| (change, passed(&change))));
            if place == 0 {
                if self.history.len() == HISTORY {
                    self.history.remove(0);
                }
                self.history.push(z);
            }
        }
        self.tell(rings, base)
    }

    /// Whether an alarm came or went.
    fn tell(&mut self, rings: Option<(Change, u64)>, base: u64) -> bool {
        let is_over = |side| self.charts.iter().all(|chart| chart.sums.is_over(side));
        match (self.alarm, rings) {
            (Some(alarm), _) if is_over(alarm.side) => self.alarm = None,
            (None, Some((change, passed))) => {
                self.alarm = Some(Alarm {
                    noticed: base * BASE,
                    began: base.saturating_sub(passed) * BASE,
                    side: change.side,
                    change: change.mean,
                });
            }
            _ => return false,
        }
        true
    }

    /// Once enough days are there, what is usual is known. The clock may have been set.
    fn learn(&mut self, base: u64, mean: f32, least: f32) {
        let next = self.first + self.learned.len() as u64;
        if self.learned.is_empty() || base < next || base > next + REFERENCE_DAYS * DAY {
            self.first = base;
            self.learned.clear();
        }
        let missing = (base - self.first) as usize;
        self.learned.resize(missing, None);
        self.learned.push(Some(mean));
        let enough = (REFERENCE_DAYS * DAY) as usize;
        if self.learned.len() < enough {
            return;
        }
        let days = self.learned.chunks(DAY as usize);
        if days.filter(|day| day.iter().any(Option::is_some)).count() >= DAYS {
            self.reference = Reference::learn(&self.learned, self.first, least);
        }
        if self.reference.is_some() {
            self.learned = Vec::new();
        } else {
            // Too little so far: the newest days stay.
            let old = self.learned.len() + DAY as usize - enough;
            self.learned.drain(..old);
            self.first += old as u64;
        }
    }

    pub(super) fn alarm(&self) -> Option<Alarm> {
        self.alarm
    }

    pub(super) fn history(&self) -> &[f32] {
        &self.history
    }

    pub(super) fn progress(&self, sums: f64) -> Progress {
        match &self.reference {
            Some(usual) => {
                let charts = self.charts.iter().zip(usual.paces());
                let levels = charts.map(|(chart, pace)| {
                    chart
                        .sums
                        .level(Threshold::new(pace.slack, pace.length, sums))
                });
                Progress::Watching {
                    block: usual.length * BASE,
                    level: levels.fold(0.0, f32::max),
                }
            }
            None if self.learned.is_empty() => Progress::Absent,
            None => Progress::Learning(self.learned.len() as u64 / DAY),
        }
    }

    /// Takes things as they are since the change for usual; says whether there was an alarm.
    pub(super) fn acknowledge(&mut self) -> bool {
        let (Some(alarm), Some(usual)) = (self.alarm.take(), &mut self.reference) else {
            return false;
        };
        let since = self.charts.map(|chart| chart.sums.since(alarm.side));
        let (blocks, change) = since
            .into_iter()
            .find(|(blocks, _)| *blocks > 0)
            .unwrap_or_default();
        usual.shift(change, blocks);
        self.charts = [Chart::default(); 2];
        true
    }
}

impl Block {
    /// Adds to block `number`; gives the one before if that is over.
    fn enter(&mut self, number: u64, [deviates, change]: [f32; 2]) -> Option<Self> {
        let is_over = self.number != number && self.count > 0;
        let over = is_over.then(|| std::mem::take(self));
        self.number = number;
        self.sum += deviates;
        self.change += change;
        self.count += 1;
        over
    }
}
