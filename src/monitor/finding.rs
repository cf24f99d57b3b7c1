//! How far this place is from the world that the model was trained in: found once, after a
//! day. It is no alarm: nothing has changed, the place has always been like this.

use serde::{Deserialize, Serialize};

use super::drift::Statistic;
use super::known::Known;

/// Frames, and seconds from the first to the last, that it takes.
const FRAMES: u64 = 1000;
const SPAN: u64 = 86_400;
/// What is compared. Contrast and sharpness are not: training measured them at the size of
/// the model's pictures.
const COMPARED: [Statistic; 4] = [
    Statistic::Score,
    Statistic::Distance,
    Statistic::Brightness,
    Statistic::RedBlue,
];

/// One statistic here and in training.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// What is compared.
    pub statistic: Statistic,
    /// Its mean here.
    pub here: f32,
    /// Its mean in training.
    pub training: f32,
    /// How far apart they are, in training's standard deviations from picture to picture.
    pub deviations: f32,
}

/// Collects what it takes, and keeps what was found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Comparison {
    sums: [f64; COMPARED.len()],
    /// Frames that had a value.
    counts: [u64; COMPARED.len()],
    frames: u64,
    began: u64,
    findings: Option<Vec<Finding>>,
}

impl Comparison {
    /// One frame's values, in the order of the statistics' places.
    pub(super) fn enter(&mut self, second: u64, known: &Known, value: impl Fn(Statistic) -> f32) {
        if self.findings.is_some() || known.baselines.is_none() {
            return;
        }
        if self.frames == 0 || second < self.began {
            *self = Self {
                began: second,
                ..Self::default()
            };
        }
        self.frames += 1;
        let sums = self.sums.iter_mut().zip(&mut self.counts);
        for ((sum, count), statistic) in sums.zip(COMPARED) {
            let value = value(statistic);
            if value.is_finite() {
                *sum += f64::from(value);
                *count += 1;
            }
        }
        if self.frames >= FRAMES && second - self.began >= SPAN {
            self.findings = Some(self.conclude(known));
        }
    }

    fn conclude(&self, known: &Known) -> Vec<Finding> {
        let Some(baselines) = &known.baselines else {
            return Vec::new();
        };
        let compared = COMPARED.into_iter().zip(self.sums).zip(self.counts);
        let found = compared.filter_map(|((statistic, sum), count)| {
            let training = match statistic {
                Statistic::Score => &baselines.score,
                Statistic::Distance => known.distances()?,
                Statistic::Brightness => &baselines.image.as_ref()?.brightness,
                Statistic::RedBlue => &baselines.image.as_ref()?.red_blue,
                _ => return None,
            };
            let here = sum / count.max(1) as f64;
            (count >= FRAMES / 2).then(|| Finding {
                statistic,
                here: here as f32,
                training: training.mean as f32,
                deviations: ((here - training.mean) / training.deviation.max(1e-6)) as f32,
            })
        });
        found.collect()
    }

    /// What was found, as soon as it is.
    pub(super) fn findings(&self) -> Option<&[Finding]> {
        self.findings.as_deref()
    }
}
