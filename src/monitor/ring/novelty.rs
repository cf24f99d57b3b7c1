//! How far a frame is from what the model learned: the distance of its features from the mean
//! of those of the class that it is taken for, as the trainer measures it (drift.py).

use crate::model::manifest::Manifest;
use crate::pipeline::best;

/// What the trainer knows of the features.
pub(super) struct Novelty {
    class_means: Vec<Vec<f32>>,
    /// One divided by each feature's deviation.
    precision: Vec<f32>,
    /// The largest distance of a validation picture.
    farthest: f32,
}

impl Novelty {
    /// By what the model says; none if it says nothing about its features.
    pub(super) fn new(manifest: &Manifest) -> Option<Self> {
        let known = manifest.drift.as_ref()?.embedding.as_ref()?;
        let narrow = |values: &Vec<f64>| values.iter().map(|v| *v as f32).collect();
        Some(Self {
            class_means: known.class_means.iter().map(narrow).collect(),
            precision: known
                .deviation
                .iter()
                .map(|d| (1.0 / d.max(1e-6)) as f32)
                .collect(),
            farthest: *known.distance.quantiles.last()? as f32,
        })
    }

    /// The logarithm of the mean squared distance, in deviations, from the class with the
    /// best score; none where the features are others.
    pub(super) fn distance(&self, embedding: &[f32], scores: &[f32]) -> Option<f32> {
        let mean = self.class_means.get(best(scores).index)?;
        if mean.len() != embedding.len() || self.precision.len() != embedding.len() {
            return None;
        }
        let features = embedding.iter().zip(mean).zip(&self.precision);
        let squares = features.map(|((feature, mean), precision)| {
            let deviations = (feature - mean) * precision;
            deviations * deviations
        });
        Some((squares.sum::<f32>() / embedding.len() as f32 + 1e-9).ln())
    }

    /// Whether no validation picture was as far away.
    pub(super) fn is_novel(&self, distance: f32) -> bool {
        distance > self.farthest
    }
}

#[cfg(test)]
mod tests {
    use super::Novelty;

    #[test]
    fn the_distance_is_the_trainer_s() {
        let novelty = Novelty {
            class_means: vec![vec![0.0, 0.0], vec![1.0, 2.0]],
            precision: vec![2.0, 1.0],
            farthest: 1.0,
        };
        // ((3 - 1) * 2)^2 = 16 and (4 - 2)^2 = 4, their mean is 10.
        let distance = novelty.distance(&[3.0, 4.0], &[0.1, 0.9]).unwrap();
        assert!((distance - 10_f32.ln()).abs() < 1e-6, "{distance}");
        assert!(novelty.is_novel(distance) && !novelty.is_novel(1.0));
        assert_eq!(novelty.distance(&[3.0], &[0.1, 0.9]), None);
        assert_eq!(novelty.distance(&[3.0, 4.0], &[0.0, 0.1, 0.9]), None);
    }
}
