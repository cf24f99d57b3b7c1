//! Which candidates the photographs cannot tell from the best: multiple comparisons with the
//! best (Hsu, Annals of Statistics 12, 1984), by a bootstrap of the photographs. The best of
//! many is partly the luckiest, so that comparing each with it alone would throw good ones
//! out: instead each is asked whether it could be the best, against all others at once.

use fastrand::Rng;
use serde::Serialize;

/// How often the photographs are drawn anew.
const DRAWS: usize = 1000;
/// The set holds the best candidate with 95 %.
const DOUBT: f64 = 0.05;
/// Differences of less are none, in nats per photograph: they change no answer.
const NOTHING: f64 = 0.01;
/// Standard errors of less are rounding: an engine adds up in more than one order.
const ROUNDING: f64 = 1e-6;

/// By how much the log-loss of one candidate is above another's, in nats per photograph.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// The mean of the differences on the same photographs.
    pub mean: f64,
    /// Its standard error.
    pub error: f64,
}

impl Difference {
    /// The difference of losses on the same photographs. Pairing takes out how hard a
    /// photograph is, which varies far more than the candidates do.
    pub(super) fn of(losses: &[f64], best: &[f64]) -> Self {
        let differences: Vec<f64> = losses.iter().zip(best).map(|(a, b)| a - b).collect();
        let count = differences.len() as f64;
        let mean = differences.iter().sum::<f64>() / count;
        let squares: f64 = differences.iter().map(|d| (d - mean).powi(2)).sum();
        Self {
            mean,
            error: (squares / (count - 1.0).max(1.0) / count).sqrt(),
        }
    }
}

/// For each candidate, given by its losses on the same photographs, whether it could be the
/// best one. The one that is the best is among them with 95 %.
pub(super) fn confidence_set(losses: &[&[f64]]) -> Vec<bool> {
    let means = Means::new(losses);
    (0..losses.len()).map(|c| means.could_be_best(c)).collect()
}

/// Mean losses: on the photographs, and on every draw of them.
struct Means {
    real: Vec<f64>,
    drawn: Vec<Vec<f64>>,
    /// What a bootstrap of so few photographs makes too small.
    widened: f64,
}

impl Means {
    fn new(losses: &[&[f64]]) -> Self {
        let count = losses.first().map_or(0, |l| l.len());
        let mean = |sum: f64| sum / count.max(1) as f64;
        // The same draws for everyone, and every time.
        let mut rng = Rng::with_seed(1);
        let draw = |_| -> Vec<f64> {
            let picked: Vec<usize> = (0..count).map(|_| rng.usize(..count)).collect();
            let drawn = |l: &&[f64]| mean(picked.iter().map(|p| l[*p]).sum());
            losses.iter().map(drawn).collect()
        };
        Self {
            drawn: (0..DRAWS).map(draw).collect(),
            real: losses.iter().map(|l| mean(l.iter().sum())).collect(),
            widened: (count as f64 / (count as f64 - 1.0).max(1.0)).sqrt(),
        }
    }

    /// Whether a candidate is not so far above any other, in standard errors, that chance
    /// brings it there in less than one draw of twenty.
    fn could_be_best(&self, candidate: usize) -> bool {
        let above = |means: &[f64], other: usize| means[candidate] - means[other];
        let others = 0..self.real.len();
        let real: Vec<f64> = others.clone().map(|o| above(&self.real, o)).collect();
        let mut squares = vec![0.0; real.len()];
        for drawn in &self.drawn {
            for (other, square) in squares.iter_mut().enumerate() {
                *square += (above(drawn, other) - real[other]).powi(2);
            }
        }
        let error = |square: &f64| ((square / DRAWS as f64).sqrt() * self.widened).max(ROUNDING);
        let errors: Vec<f64> = squares.iter().map(error).collect();
        let most = |distance: &dyn Fn(usize) -> f64| {
            let distances = others.clone().filter(|other| *other != candidate);
            distances
                .map(|o| distance(o) / errors[o])
                .fold(0.0, f64::max)
        };
        let furthest = most(&|other| real[other] - NOTHING);
        let by_chance = self
            .drawn
            .iter()
            .filter(|drawn| self.widened * most(&|o| above(drawn, o) - real[o]) >= furthest);
        by_chance.count() as f64 >= DRAWS as f64 * DOUBT
    }
}

#[cfg(test)]
mod tests {
    use super::{Difference, confidence_set};
    use fastrand::Rng;

    #[test]
    fn the_standard_error_is_that_of_pairs() {
        // numpy: d = [.5, .7, .1, .3]; d.mean(), d.std(ddof=1) / 2
        let difference = Difference::of(&[1.0, 0.9, 0.4, 0.5], &[0.5, 0.2, 0.3, 0.2]);
        assert!((difference.mean - 0.4).abs() < 1e-12);
        assert!((difference.error - 0.129_099_444_873_580_56).abs() < 1e-12);
    }

    #[test]
    fn what_is_worse_on_each_photograph_falls_out_and_a_toss_up_stays() {
        let best = [0.1, 0.2, 0.1, 0.4, 0.1, 0.3, 0.2, 0.2];
        let worse = best.map(|loss| loss + 0.5);
        let mut tossed = best;
        for (index, loss) in tossed.iter_mut().enumerate() {
            *loss += if index % 2 == 0 { 0.1 } else { -0.1 };
        }
        assert_eq!(
            confidence_set(&[&worse, &best, &tossed]),
            [false, true, true]
        );
        assert_eq!(confidence_set(&[&best, &best]), [true, true]);
        assert_eq!(confidence_set(&[&best]), [true]);
    }

    #[test]
    fn the_luckiest_of_many_equals_throws_no_one_out() {
        // Forty candidates that differ by chance alone, sixty times: about one set in twenty may
        // lack the first one.
        let mut rng = Rng::with_seed(3);
        let mut lacking = 0;
        for _ in 0..60 {
            let losses: Vec<Vec<f64>> = (0..40)
                .map(|_| (0..12).map(|_| rng.f64()).collect())
                .collect();
            let losses: Vec<&[f64]> = losses.iter().map(Vec::as_slice).collect();
            lacking += usize::from(!confidence_set(&losses)[0]);
        }
        assert!(lacking <= 5, "{lacking} of 60");
    }
}
