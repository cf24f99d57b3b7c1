//! A class more for a head whose old pictures are not at hand: its rows stay, so that the old
//! classes keep their order among themselves, and one row is fitted. What the old classes look
//! like is drawn from their stored means and deviation.

use fastrand::Rng;

use super::minimise::minimise;
use crate::model::LinearHead;
use crate::model::manifest::EmbeddingStatistics;

/// Features drawn of each old class, and of the new one at least.
const DRAWN: usize = 60;
/// How far shown pictures are moved, as a share of their deviation: they are few, and the next
/// ones will be others.
const JITTER: f64 = 0.7;
/// Pictures' worth of the old classes' deviation that the new one's is mixed with.
const SHRINKAGE: f64 = 5.0;
/// The penalty on the row, for features of mean square length 1. Tried on digits left out in
/// turn: ten times more or less costs a point.
const STRENGTH: f64 = 1e-4;

/// What is known of the old classes.
pub(super) struct Old<'a> {
    pub head: &'a LinearHead,
    pub statistics: &'a EmbeddingStatistics,
}

impl Old<'_> {
    /// Features of every old class, as the stored statistics make them, and whose they are.
    pub(super) fn drawn(&self, seed: u64) -> (Vec<Vec<f64>>, Vec<usize>) {
        let mut rng = Rng::with_seed(seed);
        let means = &self.statistics.class_means;
        let is_positive = means.iter().flatten().all(|mean| *mean >= 0.0);
        let (mut rows, mut classes) = (Vec::new(), Vec::new());
        for (class, mean) in means.iter().enumerate() {
            for _ in 0..DRAWN {
                rows.push(moved(
                    mean,
                    &self.statistics.deviation,
                    is_positive,
                    &mut rng,
                ));
                classes.push(class);
            }
        }
        (rows, classes)
    }

    /// The old class whose mean these features are nearest to, in deviations, and how far that
    /// is, squared.
    pub(super) fn nearest(&self, features: &[f64]) -> (usize, f64) {
        let means = self.statistics.class_means.iter().enumerate();
        let distances = means.map(|(class, mean)| (class, self.distance(features, mean)));
        distances
            .min_by(|a, b| a.1.total_cmp(&b.1))
            .unwrap_or((0, f64::INFINITY))
    }

    /// The squared distance of two rows of features, in deviations.
    pub(super) fn distance(&self, a: &[f64], b: &[f64]) -> f64 {
        let values = a.iter().zip(b).zip(&self.statistics.deviation);
        values
            .map(|((a, b), deviation)| ((a - b) / deviation).powi(2))
            .sum()
    }

    /// The logarithm of the sum of the old classes' odds.
    fn odds(&self, features: &[f64]) -> f64 {
        let logits = self.logits(features);
        let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        largest
            + logits
                .iter()
                .map(|logit| (logit - largest).exp())
                .sum::<f64>()
                .ln()
    }

    /// The old classes' logits.
    pub(super) fn logits(&self, features: &[f64]) -> Vec<f64> {
        let features: Vec<f32> = features.iter().map(|v| *v as f32).collect();
        self.head.logits(&features)
    }

    /// The row of a class that these pictures show: its weights, then its bias. It is fitted so
    /// that `sigmoid(w·f + b - ln sum of the old odds)` is the chance of the new class, which
    /// weighs as much as one of the old.
    pub(super) fn row(&self, shown: &[Vec<f64>], seed: u64) -> Vec<f64> {
        let (mut rows, _) = self.drawn(seed);
        let old = rows.len();
        let spread = self.spread(shown);
        let is_positive = shown.iter().flatten().all(|value| *value >= 0.0);
        let mut rng = Rng::with_seed(seed + 1);
        for _ in 0..DRAWN.div_ceil(shown.len()) {
            rows.extend(
                shown
                    .iter()
                    .map(|row| moved(row, &spread, is_positive, &mut rng)),
            );
        }
        let classes = self.statistics.class_means.len() as f64 + 1.0;
        let weights = [
            (1.0 - 1.0 / classes) / old as f64,
            1.0 / classes / (rows.len() - old) as f64,
        ];
        let scale = Scale::of(self.statistics);
        let odds: Vec<f64> = rows.iter().map(|row| self.odds(row)).collect();
        let rows: Vec<Vec<f64>> = rows.iter().map(|row| scale.scaled(row)).collect();
        let width = self.statistics.deviation.len();
        let mut start = vec![0.0; width + 1];
        start[width] = odds.iter().sum::<f64>() / odds.len() as f64;
        let found = minimise(start, |at, gradient| {
            let mut loss = 0.0;
            gradient.fill(0.0);
            for (number, (row, odds)) in rows.iter().zip(&odds).enumerate() {
                let is_new = number >= old;
                let margin = at[width] - odds + row.iter().zip(at).map(|(x, w)| x * w).sum::<f64>();
                let way = if is_new { margin } else { -margin };
                let weight = weights[usize::from(is_new)];
                // ln(1 + exp(-way)), without overflow.
                loss += weight * ((-way.abs()).exp().ln_1p() + (-way).max(0.0));
                let chance = 1.0 / (1.0 + (-margin).exp());
                let error = weight * (chance - f64::from(u8::from(is_new)));
                gradient
                    .iter_mut()
                    .zip(row)
                    .for_each(|(g, x)| *g += error * x);
                gradient[width] += error;
            }
            for (gradient, weight) in gradient[..width].iter_mut().zip(at) {
                *gradient += STRENGTH * weight;
                loss += STRENGTH / 2.0 * weight * weight;
            }
            loss
        });
        scale.unscaled(&found)
    }

    /// The deviation of the new class: that of its few pictures, mixed with the old classes'.
    fn spread(&self, shown: &[Vec<f64>]) -> Vec<f64> {
        let count = shown.len() as f64;
        let feature = |(at, old): (usize, &f64)| {
            let mean = shown.iter().map(|row| row[at]).sum::<f64>() / count;
            let squares: f64 = shown.iter().map(|row| (row[at] - mean).powi(2)).sum();
            let mixed = (squares + SHRINKAGE * old * old) / (count + SHRINKAGE);
            JITTER * mixed.sqrt()
        };
        self.statistics
            .deviation
            .iter()
            .enumerate()
            .map(feature)
            .collect()
    }
}

/// The mean of rows.
pub(super) fn mean<'a>(rows: impl Iterator<Item = &'a Vec<f64>>, width: usize) -> Vec<f64> {
    let mut sums = vec![0.0; width];
    let mut count = 0.0_f64;
    for row in rows {
        sums.iter_mut()
            .zip(row)
            .for_each(|(sum, value)| *sum += value);
        count += 1.0;
    }
    sums.iter_mut().for_each(|sum| *sum /= count.max(1.0));
    sums
}

/// Features moved at random by a deviation; none becomes negative where none can be.
fn moved(row: &[f64], deviation: &[f64], is_positive: bool, rng: &mut Rng) -> Vec<f64> {
    let values = row
        .iter()
        .zip(deviation)
        .map(|(value, deviation)| value + deviation * normal(rng));
    match is_positive {
        true => values.map(|value| value.max(0.0)).collect(),
        false => values.collect(),
    }
}

/// A standard normal number (Box and Muller).
fn normal(rng: &mut Rng) -> f64 {
    let length = (-2.0 * (1.0 - rng.f64()).ln()).sqrt();
    length * (std::f64::consts::TAU * rng.f64()).cos()
}

/// Moves and scales features to mean 0 and mean square length 1, so that one strength serves
/// every network.
struct Scale {
    center: Vec<f64>,
    by: f64,
}

impl Scale {
    fn of(statistics: &EmbeddingStatistics) -> Self {
        let means = &statistics.class_means;
        let center = mean(means.iter(), statistics.deviation.len());
        let between = means.iter().flat_map(|row| row.iter().zip(&center));
        let between = between.map(|(m, c)| (m - c).powi(2)).sum::<f64>() / means.len() as f64;
        let within: f64 = statistics.deviation.iter().map(|d| d * d).sum();
        Self {
            center,
            by: (between + within).sqrt().max(1e-12),
        }
    }

    fn scaled(&self, row: &[f64]) -> Vec<f64> {
        let values = row.iter().zip(&self.center);
        values
            .map(|(value, center)| (value - center) / self.by)
            .collect()
    }

    /// Weights and a bias for features that are not scaled.
    fn unscaled(&self, row: &[f64]) -> Vec<f64> {
        let (weights, bias) = row.split_at(self.center.len());
        let mut unscaled: Vec<f64> = weights.iter().map(|weight| weight / self.by).collect();
        let moved: f64 = unscaled.iter().zip(&self.center).map(|(w, c)| w * c).sum();
        unscaled.push(bias[0] - moved);
        unscaled
    }
}
