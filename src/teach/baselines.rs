//! What the taught world looks like, for the monitor: the manifest's drift section, from the
//! pictures that the head learned from, each answered by a head that had not seen it. The
//! same statistics, and the same arithmetic, as the trainer's.

use std::collections::BTreeMap;

use super::alarm;
use super::look::Look;
use super::samples::Samples;
use crate::calibration::measures::{best, significant, statistic};
use crate::model::manifest::{
    Alarm, Drift, EmbeddingStatistics, ImageStatistics, PriorAlarm, Statistic,
};

/// Class means of more numbers would outweigh a small model.
const MAX_MEANS: usize = 65_536;
/// Digits of a number in a statistic, and of one among many.
const DIGITS: usize = 6;
const FEW_DIGITS: usize = 4;

/// The drift section of a head whose folds gave these `probabilities`.
pub(super) fn baselines(samples: &Samples, looks: &[Look], probabilities: &[Vec<f64>]) -> Drift {
    let answers: Vec<(usize, f64)> = probabilities.iter().map(|row| best(row)).collect();
    let prior = prior(&answers, samples.count);
    let look = |of: fn(&Look) -> f64| -> Vec<f64> { looks.iter().map(of).collect() };
    let mut values = BTreeMap::from([
        ("score", answers.iter().map(|(_, score)| *score).collect()),
        ("brightness", look(|l| l.brightness)),
        ("contrast", look(|l| l.contrast)),
        ("sharpness", look(|l| l.sharpness)),
        ("red_blue", look(|l| l.red_blue)),
    ]);
    let embedding = Means::of(samples).map(|means| {
        let distances = means.distances(samples, &answers);
        let section = means.section(&distances);
        values.insert("distance", distances);
        section
    });
    let statistics: BTreeMap<&str, Statistic> = values
        .iter()
        .map(|(name, values)| (*name, statistic(values)))
        .collect();
    let scores: Vec<(&str, Vec<f64>)> = values
        .iter()
        .map(|(name, values)| {
            (
                *name,
                alarm::normal_scores(values, &statistics[name].quantiles),
            )
        })
        .collect();
    // The test on the shares of answers takes its part, too.
    let budget = alarm::PER_10000 / (scores.len() + 1) as f64;
    let image = |name: &str| statistics[name].clone();
    Drift {
        pictures: samples.len(),
        score: image("score"),
        image: Some(ImageStatistics {
            brightness: image("brightness"),
            contrast: image("contrast"),
            sharpness: image("sharpness"),
            red_blue: image("red_blue"),
        }),
        embedding,
        alarm: Some(Alarm {
            per_10000: alarm::PER_10000,
            cusum: alarm::cusum(&scores, budget),
            prior: PriorAlarm {
                window: alarm::WINDOW,
                threshold: alarm::prior(&prior, budget),
            },
        }),
        prior,
    }
}

/// The share of each class among the answers, none of them nothing.
fn prior(answers: &[(usize, f64)], classes: usize) -> Vec<f64> {
    let mut counts = vec![0.5; classes];
    answers.iter().for_each(|(class, _)| counts[*class] += 1.0);
    let all: f64 = counts.iter().sum();
    counts
        .iter()
        .map(|count| significant(count / all, DIGITS))
        .collect()
}

/// Each class's mean features, and how far pictures are from their class's.
struct Means {
    means: Vec<Vec<f64>>,
    deviation: Vec<f64>,
    counts: Vec<f64>,
}

impl Means {
    /// `None` where they are too many to store.
    fn of(samples: &Samples) -> Option<Self> {
        let (classes, width) = (samples.count, samples.width);
        if classes * width > MAX_MEANS {
            log::info!(
                "{classes} classes of {width} features are too many for drift baselines of the features"
            );
            return None;
        }
        let mut means = vec![vec![0.0; width]; classes];
        let mut counts = vec![0.0; classes];
        for picture in 0..samples.len() {
            let class = samples.classes[picture];
            counts[class] += 1.0;
            let values = samples.original(picture);
            means[class]
                .iter_mut()
                .zip(values)
                .for_each(|(sum, value)| *sum += value);
        }
        for (mean, count) in means.iter_mut().zip(&counts) {
            mean.iter_mut()
                .for_each(|sum| *sum /= f64::max(*count, 1.0));
        }
        let mut squares = vec![0.0; width];
        for picture in 0..samples.len() {
            let mean = &means[samples.classes[picture]];
            let values = samples.original(picture).zip(mean);
            squares
                .iter_mut()
                .zip(values)
                .for_each(|(sum, (v, m))| *sum += (v - m).powi(2));
        }
        // Each class's mean took one picture's freedom.
        let free = (samples.len() as f64 - classes as f64).max(1.0);
        let deviation = squares
            .iter()
            .map(|sum| (sum / free).sqrt() + 1e-6)
            .collect();
        Some(Self {
            means,
            deviation,
            counts,
        })
    }

    /// Of each picture, the logarithm of the mean squared deviation from the mean of the class
    /// that it was said to show: of the others in it, where it is one of them.
    fn distances(&self, samples: &Samples, answers: &[(usize, f64)]) -> Vec<f64> {
        let distance = |(picture, (class, _)): (usize, &(usize, f64))| {
            let count = self.counts[*class];
            let is_own = samples.classes[picture] == *class && count > 1.0;
            let without = if is_own { count / (count - 1.0) } else { 1.0 };
            let values = samples
                .original(picture)
                .zip(&self.means[*class])
                .zip(&self.deviation);
            let squares: f64 = values
                .map(|((v, m), d)| ((v - m) * without / d).powi(2))
                .sum();
            (1e-9 + squares / samples.width as f64).ln()
        };
        answers.iter().enumerate().map(distance).collect()
    }

    fn section(&self, distances: &[f64]) -> EmbeddingStatistics {
        let rounded = |row: &Vec<f64>| -> Vec<f64> {
            row.iter().map(|v| significant(*v, FEW_DIGITS)).collect()
        };
        EmbeddingStatistics {
            class_means: self.means.iter().map(rounded).collect(),
            deviation: rounded(&self.deviation),
            distance: statistic(distances),
        }
    }
}
