//! What a model says of the world that it was made for, as far as the monitor needs it.

use crate::model::manifest::{Drift as Baselines, EmbeddingStatistics, Manifest, Statistic};

/// Place of the quantile of 95 % among those of 0, 5, …, 100 %.
const MOST: usize = 19;

/// The facts.
#[derive(Clone, Debug)]
pub struct Known {
    pub(super) classes: usize,
    pub(super) calibration: Calibration,
    pub(super) baselines: Option<Baselines>,
}

/// Whether scores are probabilities.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Calibration {
    /// Nobody says so.
    Unknown,
    /// Of each label by itself, of which a picture may have several.
    Independent,
    /// Yes, up to this expected error.
    Known(f32),
}

impl Known {
    /// Those of a model's manifest.
    pub fn new(manifest: &Manifest) -> Self {
        let calibration = match &manifest.training {
            _ if manifest.output.kind.is_independent() => Calibration::Independent,
            Some(training) => Calibration::Known(training.metrics.ece as f32),
            None if manifest.rejection.is_some() => Calibration::Known(0.0),
            None => Calibration::Unknown,
        };
        Self {
            classes: manifest.labels.len(),
            calibration,
            baselines: manifest.drift.clone(),
        }
    }

    /// Whether the model's features tell how far a picture is from those of training.
    pub fn has_distance(&self) -> bool {
        self.far().is_some()
    }

    fn embedding(&self) -> Option<&EmbeddingStatistics> {
        self.baselines.as_ref()?.embedding.as_ref()
    }

    /// How far features are from those of `class` in training, as the trainer has it: the
    /// logarithm of the mean squared deviation.
    pub fn distance(&self, features: &[f32], class: usize) -> Option<f32> {
        let known = self.embedding()?;
        let means = known.class_means.get(class)?;
        if features.len() != means.len() || means.len() != known.deviation.len() {
            return None;
        }
        let all = features.iter().zip(means).zip(&known.deviation);
        let squares = all
            .map(|((feature, mean), deviation)| ((f64::from(*feature) - mean) / deviation).powi(2));
        Some((1e-9 + squares.sum::<f64>() / means.len() as f64).ln() as f32)
    }

    /// The distance that one picture in twenty of training's own passes.
    pub(super) fn far(&self) -> Option<f32> {
        let quantiles = &self.embedding()?.distance.quantiles;
        quantiles.get(MOST).map(|far| *far as f32)
    }

    /// What was the distribution of distances in training.
    pub(super) fn distances(&self) -> Option<&Statistic> {
        self.embedding().map(|known| &known.distance)
    }
}
