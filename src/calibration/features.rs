//! What is known of a network's features, class by class, from labelled pictures; and how far
//! each of these is from it, as if it had not been among them. The trainer does the same
//! (`fit/features.py`).

use super::measures::{significant, statistic};
use crate::error::Result;
use crate::model::manifest::EmbeddingStatistics;

/// Classes x features beyond which class means would outweigh a small model.
const MAX_MEANS: usize = 65_536;
/// Keeps the logarithm of no distance at all finite.
const FLOOR: f64 = 1e-9;
/// Keeps a feature that never changes from counting infinitely.
const LEAST_DEVIATION: f64 = 1e-6;
/// Significant digits of means and deviations in a manifest.
const DIGITS: usize = 4;

/// What is known, and the distances of the pictures that it is known from.
pub(super) struct ClassFeatures {
    pub(super) known: EmbeddingStatistics,
    /// Of each picture, without its own part in mean and deviation: a picture is nearer to a
    /// mean that it is part of, and a limit fitted to that would promise too much.
    pub(super) distances: Vec<f64>,
}

/// One picture's features, its class, and the class that it is taken for.
pub(super) struct Labelled<'a> {
    pub(super) features: &'a [f32],
    pub(super) class: usize,
    pub(super) predicted: usize,
}

impl ClassFeatures {
    /// From `pictures` of `classes` classes, each of which has two pictures or more; `None`
    /// where it would be too much to store.
    ///
    /// # Errors
    /// Pictures have different numbers of features.
    pub(super) fn fit(pictures: &[Labelled], classes: usize) -> Result<Option<Self>> {
        let count = pictures.first().map_or(0, |picture| picture.features.len());
        if count == 0 || classes * count > MAX_MEANS {
            return Ok(None);
        }
        let mut counts = vec![0.0; classes];
        let mut means = vec![vec![0.0; count]; classes];
        for picture in pictures {
            counts[picture.class] += 1.0;
            let values = means[picture.class].iter_mut().zip(picture.features);
            values.for_each(|(mean, feature)| *mean += f64::from(*feature));
        }
        for (mean, count) in means.iter_mut().zip(&counts) {
            mean.iter_mut().for_each(|value| *value /= count);
        }
        let mut squares = vec![0.0; count];
        for picture in pictures {
            let own = apart(picture.features, &means[picture.class]);
            squares
                .iter_mut()
                .zip(own)
                .for_each(|(sum, d)| *sum += d * d);
        }
        let all = pictures.len() as f64;
        let distance_of = |picture: &Labelled| {
            let n: f64 = counts[picture.class];
            // Without the picture, its class's mean moves away from it by 1 / (n - 1) of
            // what they were apart.
            let alone = n / (n - 1.0).max(1.0);
            let is_own = picture.predicted == picture.class;
            let own = apart(picture.features, &means[picture.class]);
            let other = apart(picture.features, &means[picture.predicted]);
            let deviations = own.zip(other).zip(&squares).map(|((own, other), sum)| {
                let without = (sum - alone * own * own).max(0.0) / (all - 1.0).max(1.0);
                let apart = if is_own { alone * own } else { other };
                apart / (without.sqrt() + LEAST_DEVIATION)
            });
            log_mean_square(deviations, count)
        };
        let distances: Vec<f64> = pictures.iter().map(distance_of).collect();
        let deviation = squares.iter().map(|s| (s / all).sqrt() + LEAST_DEVIATION);
        let round = |value: f64| significant(value, DIGITS);
        let known = EmbeddingStatistics {
            deviation: deviation.map(round).collect(),
            class_means: means
                .iter()
                .map(|mean| mean.iter().copied().map(round).collect())
                .collect(),
            distance: statistic(&distances),
        };
        Ok(Some(Self { known, distances }))
    }
}

/// How far each feature is from its mean.
fn apart<'a>(features: &'a [f32], mean: &'a [f64]) -> impl Iterator<Item = f64> + 'a {
    features
        .iter()
        .zip(mean)
        .map(|(f, mean)| f64::from(*f) - mean)
}

fn log_mean_square(deviations: impl Iterator<Item = f64>, count: usize) -> f64 {
    (FLOOR + deviations.map(|d| d * d).sum::<f64>() / count as f64).ln()
}
