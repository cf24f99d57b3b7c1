//! Multinomial logistic regression with a penalty on large weights: the head that makes the
//! labels of its pictures likeliest, as far as its strength lets it. The loss is the mean of
//! `-ln p` of the pictures' labels, all views of a picture counting as one, plus half the
//! strength times the sum of the weights' squares. Biases are free.

use super::minimise::minimise;
use super::samples::{Samples, dot};

/// Views whose gradient is summed in 32 bits before it goes into 64.
const BLOCK: usize = 32;

/// What a head is fitted to.
#[derive(Clone, Copy)]
pub(super) struct Lesson<'a> {
    pub samples: &'a Samples,
    /// The pictures, by their places.
    pub pictures: &'a [usize],
    /// The views of each.
    pub views: &'a [usize],
}

impl Lesson<'_> {
    /// The parameters of the head at this strength: of each class its weights and its bias.
    /// `start` is one at another strength, which the way is shorter from.
    pub(super) fn learn(&self, strength: f64, start: Option<&[f64]>) -> Vec<f64> {
        let length = self.samples.count * (self.samples.width + 1);
        let start = start.map_or_else(|| vec![0.0; length], <[f64]>::to_vec);
        let mut work = Work {
            weights: vec![0.0; self.samples.count * self.samples.width],
            sums: vec![0.0; self.samples.count * self.samples.width],
            scores: vec![0.0; self.samples.count],
        };
        minimise(start, |at, gradient| {
            self.loss(strength, at, gradient, &mut work)
        })
    }

    fn loss(&self, strength: f64, at: &[f64], gradient: &mut [f64], work: &mut Work) -> f64 {
        let (samples, width) = (self.samples, self.samples.width);
        work.begin(at, width);
        gradient.fill(0.0);
        let each = 1.0 / (self.pictures.len() * self.views.len()) as f64;
        let mut loss = 0.0;
        let mut waiting = 0;
        for picture in self.pictures {
            let class = samples.classes[*picture];
            for view in self.views {
                let row = samples.row(*picture, *view);
                logits(&work.weights, at, row, &mut work.scores);
                loss -= each * to_probabilities(&mut work.scores, class);
                work.scores[class] -= 1.0;
                let sums = work.sums.chunks_exact_mut(width);
                for (number, (sum, share)) in sums.zip(&work.scores).enumerate() {
                    gradient[number * (width + 1) + width] += each * share;
                    let share = *share as f32;
                    for (sum, value) in sum.iter_mut().zip(row) {
                        *sum += share * value;
                    }
                }
                waiting += 1;
                if waiting == BLOCK {
                    work.flush(each, gradient, width);
                    waiting = 0;
                }
            }
        }
        work.flush(each, gradient, width);
        let rows = gradient.chunks_exact_mut(width + 1);
        for (gradient, at) in rows.zip(at.chunks_exact(width + 1)) {
            for (gradient, weight) in gradient[..width].iter_mut().zip(at) {
                *gradient += strength * weight;
                loss += strength / 2.0 * weight * weight;
            }
        }
        loss
    }
}

/// Buffers of a fit.
struct Work {
    weights: Vec<f32>,
    sums: Vec<f32>,
    scores: Vec<f64>,
}

impl Work {
    fn begin(&mut self, at: &[f64], width: usize) {
        self.weights.clear();
        let rows = at.chunks_exact(width + 1);
        self.weights
            .extend(rows.flat_map(|row| row[..width].iter().map(|w| *w as f32)));
        self.sums.fill(0.0);
    }

    fn flush(&mut self, each: f64, gradient: &mut [f64], width: usize) {
        let rows = gradient.chunks_exact_mut(width + 1);
        for (gradient, sums) in rows.zip(self.sums.chunks_exact_mut(width)) {
            for (gradient, sum) in gradient[..width].iter_mut().zip(sums) {
                *gradient += each * f64::from(*sum);
                *sum = 0.0;
            }
        }
    }
}

/// Every class's logit; the biases are those in `parameters`.
fn logits(weights: &[f32], parameters: &[f64], row: &[f32], logits: &mut [f64]) {
    let width = row.len();
    for (class, logit) in logits.iter_mut().enumerate() {
        let bias = parameters[class * (width + 1) + width];
        *logit = dot(&weights[class * width..(class + 1) * width], row) + bias;
    }
}

/// The logits that a head gives for pictures as they are: a row for each.
pub(super) fn answers(samples: &Samples, parameters: &[f64], pictures: &[usize]) -> Vec<Vec<f64>> {
    let rows = parameters.chunks_exact(samples.width + 1);
    let weights: Vec<f32> = rows
        .flat_map(|row| row[..samples.width].iter().map(|w| *w as f32))
        .collect();
    let answer = |picture: &usize| {
        let mut scores = vec![0.0; samples.count];
        logits(&weights, parameters, samples.row(*picture, 0), &mut scores);
        scores
    };
    pictures.iter().map(answer).collect()
}

/// Makes logits probabilities; the logarithm of that of `class`.
pub(super) fn to_probabilities(scores: &mut [f64], class: usize) -> f64 {
    let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let own = scores[class] - largest;
    let mut sum = 0.0;
    for score in scores.iter_mut() {
        *score = (*score - largest).exp();
        sum += *score;
    }
    scores.iter_mut().for_each(|score| *score /= sum);
    own - sum.ln()
}

#[cfg(test)]
mod tests {
    use super::{Lesson, answers};
    use crate::model::Places;
    use crate::teach::samples::{Samples, Scaling};

    /// Twelve pictures of three classes; a view, mirrored, that differs a little.
    fn samples(scaling: Scaling) -> Samples {
        let rows: Vec<[f32; 4]> = (0..12)
            .map(|n| {
                let (class, step) = (n % 3, n as f32 / 4.0);
                let x = [1.0, -0.5, 0.2][class] + (step * 2.1).sin() * 0.6;
                let y = [0.3, 1.1, -0.9][class] + (step * 3.7).cos() * 0.6;
                [x, y, x + 0.1, y - 0.1]
            })
            .collect();
        let classes = (0..12).map(|n| n % 3).collect();
        Samples::new(rows.iter().map(|row| &row[..]), classes, (3, 2), scaling)
    }

    #[test]
    fn the_head_is_that_of_scikit_learn() {
        // LogisticRegression(C=1 / (0.01 * 12), tol=1e-10, max_iter=10000) of scikit-learn 1.9
        // on the same values; scripts/check-teach compares real features.
        let samples = samples(Scaling::Together);
        let pictures: Vec<usize> = (0..12).collect();
        let lesson = Lesson {
            samples: &samples,
            pictures: &pictures,
            views: &[0],
        };
        let found = lesson.learn(0.01, None);
        let expected = [[2.43943, 0.08331, -2.52274], [0.1132, -2.27583, 2.16263]];
        let logits = answers(&samples, &found, &[0, 5]);
        for (row, expected) in logits.iter().zip(expected) {
            let mean = row.iter().sum::<f64>() / 3.0;
            for (logit, expected) in row.iter().zip(expected) {
                assert!((logit - mean - expected).abs() < 2e-3, "{row:?}");
            }
        }
        // From another strength the way is shorter, and leads to the same place.
        let warm = lesson.learn(0.01, Some(&lesson.learn(0.1, None)));
        let same = warm.iter().zip(&found).all(|(a, b)| (a - b).abs() < 1e-2);
        assert!(same, "{warm:?}, {found:?}");
    }

    #[test]
    fn the_head_of_the_network_gives_what_the_samples_head_gives() {
        let samples = samples(Scaling::Each);
        let pictures: Vec<usize> = (0..12).collect();
        let lesson = Lesson {
            samples: &samples,
            pictures: &pictures,
            views: &[0, 1],
        };
        let found = lesson.learn(0.003, None);
        let head = samples.head(&found, Places::None);
        for picture in 0..12 {
            let features: Vec<f64> = samples.original(picture).collect();
            for (class, logit) in answers(&samples, &found, &[picture])[0].iter().enumerate() {
                let weights = &head.weights[class * 2..class * 2 + 2];
                let products = weights
                    .iter()
                    .zip(&features)
                    .map(|(w, f)| f64::from(*w) * f);
                let own = products.sum::<f64>() + f64::from(head.biases[class]);
                assert!((own - logit).abs() < 1e-4, "{own} {logit}");
            }
        }
    }
}
