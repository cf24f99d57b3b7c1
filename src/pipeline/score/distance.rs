//! How far a picture's features lie from those of the class that it is taken for. What a
//! network never saw may have a good score, and still lie where nothing was learned.

use crate::error::{Error, Result};
use crate::model::manifest::{EmbeddingStatistics, Manifest};

/// Keeps the logarithm of no distance at all finite; the trainer adds the same.
const FLOOR: f32 = 1e-9;
/// Sums that are taken side by side, so that the processor can.
const LANES: usize = 8;

/// Measures distances by what a model knows of its classes' features.
pub(crate) struct Distance {
    place: String,
    /// Class after class.
    means: Vec<f32>,
    /// One over each feature's deviation.
    scales: Vec<f32>,
}

impl Distance {
    /// For a model that rejects what is too far, if it does.
    pub(crate) fn new(manifest: &Manifest) -> Option<Self> {
        let (_, known) = manifest.distance_rule()?;
        Some(Self::of(known, manifest.id()))
    }

    /// By `known`, in errors at `place`.
    pub(crate) fn of(known: &EmbeddingStatistics, place: String) -> Self {
        let means = known.class_means.iter().flatten();
        Self {
            place,
            means: means.map(|mean| *mean as f32).collect(),
            scales: known.deviation.iter().map(|d| (1.0 / d) as f32).collect(),
        }
    }

    /// The natural logarithm of the mean squared deviation of `features` from the mean of
    /// class `class`.
    ///
    /// # Errors
    /// Another number of features than is known of, or values that are not numbers.
    pub(crate) fn run(&self, features: &[f32], class: usize) -> Result<f32> {
        let count = self.scales.len();
        if features.len() != count {
            let what = format!(
                "the network gave {} features, its distances are measured by {count}",
                features.len()
            );
            return Err(Error::engine(&self.place, what));
        }
        let mean = &self.means[class * count..][..count];
        let mut sums = [0.0; LANES];
        let chunks = features.chunks(LANES).zip(mean.chunks(LANES));
        for ((features, mean), scales) in chunks.zip(self.scales.chunks(LANES)) {
            let values = features.iter().zip(mean).zip(scales);
            for (sum, ((feature, mean), scale)) in sums.iter_mut().zip(values) {
                let deviation = (feature - mean) * scale;
                *sum += deviation * deviation;
            }
        }
        let squared = sums.iter().sum::<f32>() / count as f32;
        if squared.is_finite() {
            return Ok((FLOOR + squared).ln());
        }
        Err(Error::engine(
            &self.place,
            "the network gave features that are NaN or infinite",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::Distance;
    use crate::model::manifest::{EmbeddingStatistics, Statistic};

    fn measured(count: usize) -> Distance {
        let known = EmbeddingStatistics {
            class_means: (0..2)
                .map(|class| {
                    (0..count)
                        .map(|d| f64::from(class * 3) + d as f64 / 10.0)
                        .collect()
                })
                .collect(),
            deviation: (0..count).map(|d| 0.5 + d as f64 / 4.0).collect(),
            distance: Statistic {
                mean: 0.0,
                deviation: 1.0,
                quantiles: Vec::new(),
            },
        };
        Distance::of(&known, "shapes@1".into())
    }

    #[test]
    fn distances_are_what_numpy_gives() {
        let distance = measured(11);
        let features: Vec<f32> = (0..11).map(|d| (d * d % 7) as f32).collect();
        // numpy: log(1e-9 + (((e - m) / s) ** 2).mean()), e = arange(11) ** 2 % 7,
        // m = 3 * class + arange(11) / 10, s = .5 + arange(11) / 4.
        for (class, expected) in [(0, 0.796_377), (1, 1.564_986)] {
            let found = distance.run(&features, class).unwrap();
            assert!((found - expected).abs() < 1e-5, "{class}: {found}");
        }
        let mean: Vec<f32> = (0..11).map(|d| d as f32 / 10.0).collect();
        let none = distance.run(&mean, 0).unwrap();
        assert!((none - 1e-9_f32.ln()).abs() < 1e-3, "{none}");
    }

    #[test]
    fn features_that_are_not_those_known_of_are_refused() {
        let distance = measured(3);
        let error = distance.run(&[0.0; 4], 0).unwrap_err();
        assert_eq!(
            error.to_string(),
            "shapes@1: the network gave 4 features, its distances are measured by 3"
        );
        let error = distance.run(&[0.0, f32::NAN, 0.0], 1).unwrap_err();
        assert!(error.to_string().contains("NaN or infinite"), "{error}");
    }
}
