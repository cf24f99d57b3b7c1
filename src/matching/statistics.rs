//! Whether a candidate is worse than the best beyond chance, from a handful of photographs:
//! the differences of their losses, photograph by photograph, and what becomes of their mean
//! when signs are drawn (Fisher's randomization test). Pairing takes out how hard a photograph
//! is, which varies far more than the candidates do; drawing signs needs no bell curve, which
//! losses do not have: most photographs are easy, and a few tell nearly all.

use fastrand::Rng;
use serde::Serialize;

/// Photographs up to which all signs are drawn, each once.
const ALL_SIGNS: usize = 12;
/// What is less likely than that is told apart. The best is the luckiest of all that were tried:
/// of ten equal ways this throws out three in a hundred, where 2 % would throw out ten.
const LEVEL: f64 = 0.005;
/// Differences of less are none, in nats per photograph: they change no answer.
const NOTHING: f64 = 0.01;

/// By how much the log-loss of one candidate is above another's, in nats per photograph.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// The mean of the differences on the same photographs.
    pub mean: f64,
    /// Half the width of its 95 % interval (Student's).
    pub half: f64,
    /// How likely chance alone makes it as large.
    #[serde(skip)]
    pub(super) chance: f64,
}

impl Difference {
    /// The difference of losses on the same photographs.
    pub(super) fn of(losses: &[f64], best: &[f64]) -> Self {
        let differences: Vec<f64> = losses.iter().zip(best).map(|(a, b)| a - b).collect();
        let count = differences.len() as f64;
        let mean = differences.iter().sum::<f64>() / count;
        let squares: f64 = differences.iter().map(|d| (d - mean).powi(2)).sum();
        let error = (squares / (count - 1.0).max(1.0) / count).sqrt();
        Self {
            mean,
            half: error * student(count - 1.0),
            chance: chance(&differences),
        }
    }

    /// Whether it is more than chance, and more than nothing.
    pub(super) fn is_told(&self) -> bool {
        self.mean > NOTHING && self.chance < LEVEL
    }
}

/// Student's quantile of 97.5 % for so many degrees of freedom, by the expansion of Fisher
/// and Cornish: from 3 on it is right to 1 %.
fn student(freedom: f64) -> f64 {
    const NORMAL: f64 = 1.959_964;
    let (z, f) = (NORMAL, freedom.max(1.0));
    let [z3, z5, z7] = [3, 5, 7].map(|power| z.powi(power));
    z + (z3 + z) / (4.0 * f)
        + (5.0 * z5 + 16.0 * z3 + 3.0 * z) / (96.0 * f * f)
        + (3.0 * z7 + 19.0 * z5 + 17.0 * z3 - 15.0 * z) / (384.0 * f * f * f)
}

/// The share of the ways to draw signs in which the sum is at least what it is.
fn chance(differences: &[f64]) -> f64 {
    // Rounding must not make a sum less than itself.
    let rounding: f64 = differences.iter().map(|d| d.abs() * 1e-9).sum();
    let least = differences.iter().sum::<f64>() - rounding;
    let is_as_large = |mut negative: Box<dyn FnMut(usize) -> bool + '_>| {
        let places = differences.iter().enumerate();
        let signed = places.map(|(place, d)| if negative(place) { -d } else { *d });
        signed.sum::<f64>() >= least
    };
    let ways = 1_usize << differences.len().min(ALL_SIGNS);
    // The same draws for everyone, and every time.
    let mut rng = Rng::with_seed(1);
    let as_large = (0..ways).filter(|way| {
        if *way == 0 {
            return true;
        }
        match differences.len() <= ALL_SIGNS {
            true => is_as_large(Box::new(|place| way >> place & 1 == 1)),
            false => is_as_large(Box::new(|_| rng.bool())),
        }
    });
    as_large.count() as f64 / ways as f64
}

#[cfg(test)]
mod tests {
    use super::{Difference, student};
    use fastrand::Rng;

    #[test]
    fn mean_and_interval_are_those_of_pairs() {
        // scipy: d = [.5, .7, .1, .3]; d.mean(), scipy.stats.t.ppf(.975, 3) * scipy.stats.sem(d)
        let difference = Difference::of(&[1.0, 0.9, 0.4, 0.5], &[0.5, 0.2, 0.3, 0.2]);
        assert!((difference.mean - 0.4).abs() < 1e-12);
        assert!((difference.half - 0.410_85).abs() < 0.005);
        // Of the 16 ways to draw four signs only one gives as much.
        assert_eq!(difference.chance, 1.0 / 16.0);
        for (freedom, quantile) in [(5.0, 2.5706), (9.0, 2.2622), (49.0, 2.0096)] {
            assert!((student(freedom) - quantile).abs() < 0.003, "{freedom}");
        }
    }

    #[test]
    fn what_is_worse_on_each_photograph_is_told_and_a_toss_up_is_not() {
        let best = [0.1, 0.2, 0.1, 0.4, 0.1, 0.3, 0.2, 0.2];
        let told = |change: &dyn Fn(usize) -> f64| {
            let changed: Vec<f64> = (0..8).map(|at| best[at] + change(at)).collect();
            Difference::of(&changed, &best).is_told()
        };
        assert!(told(&|_| 0.5) && told(&|at| 0.02 * (at + 1) as f64));
        assert!(!told(&|_| 0.0) && !told(&|_| 0.009));
        assert!(!told(&|at| if at % 2 == 0 { 0.5 } else { -0.3 }));
        // One photograph says nothing, however loudly.
        assert!(!told(&|at| if at == 3 { 4.0 } else { 0.0 }));
    }

    #[test]
    fn an_equal_of_the_best_of_ten_is_rarely_told_from_it() {
        // numpy, with losses drawn alike 4000 times: 3.2 % at 10, 20 and 50 photographs.
        for count in [10, 20, 50] {
            let mut rng = Rng::with_seed(3);
            let mut told = 0;
            for _ in 0..400 {
                let losses: Vec<Vec<f64>> = (0..10)
                    .map(|_| (0..count).map(|_| rng.f64().powi(3)).collect())
                    .collect();
                let mean = |l: &&Vec<f64>| l.iter().sum::<f64>();
                let by_mean = |a: &&Vec<f64>, b: &&Vec<f64>| mean(a).total_cmp(&mean(b));
                let best = losses.iter().min_by(by_mean).unwrap();
                told += usize::from(Difference::of(&losses[0], best).is_told());
            }
            assert!((1..=24).contains(&told), "{count}: {told} of 400");
        }
    }
}
