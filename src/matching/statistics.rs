//! Which candidates the photographs cannot tell from the best: the model confidence set
//! (Hansen, Lunde and Nason, Econometrica 79, 2011). The best of many is partly the luckiest,
//! so that comparing each with it would throw good ones out; here the whole set is tested,
//! by a bootstrap of the photographs, and its worst falls out until the rest could be equal.

use fastrand::Rng;
use serde::Serialize;

/// How often the photographs are drawn anew.
const DRAWS: usize = 1000;
/// The set holds the best candidate with 95 %.
const DOUBT: f64 = 0.05;
/// Losses closer than this are equal: an engine adds up in more than one order.
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

/// For each candidate, given by its losses on the same photographs, whether it is in the set
/// that holds the best one with 95 %.
pub(super) fn confidence_set(losses: &[&[f64]]) -> Vec<bool> {
    let mut inside: Vec<usize> = (0..losses.len()).collect();
    let table = Means::new(losses);
    while let Some(worst) = table.worst(&inside) {
        inside.retain(|candidate| *candidate != worst);
    }
    (0..losses.len()).map(|c| inside.contains(&c)).collect()
}

/// Mean losses: on the photographs, and on every draw of them.
struct Means {
    real: Vec<f64>,
    drawn: Vec<Vec<f64>>,
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
        }
    }

    /// The candidate that is furthest above the others' mean, if that is beyond chance.
    fn worst(&self, inside: &[usize]) -> Option<usize> {
        if inside.len() < 2 {
            return None;
        }
        let real = above(&self.real, inside);
        let draws: Vec<Vec<f64>> = self
            .drawn
            .iter()
            .map(|drawn| above(drawn, inside))
            .collect();
        let errors: Vec<f64> = (0..inside.len())
            .map(|place| {
                let squares = draws.iter().map(|d| (d[place] - real[place]).powi(2));
                (squares.sum::<f64>() / DRAWS as f64).sqrt().max(ROUNDING)
            })
            .collect();
        let (mut worst, mut furthest) = (0, f64::NEG_INFINITY);
        for (place, (real, error)) in real.iter().zip(&errors).enumerate() {
            if real / error > furthest {
                (worst, furthest) = (place, real / error);
            }
        }
        let by_chance = draws.iter().filter(|draw| {
            let centred = draw.iter().zip(&real).map(|(drawn, real)| drawn - real);
            let most = centred
                .zip(&errors)
                .map(|(c, e)| c / e)
                .fold(f64::MIN, f64::max);
            most >= furthest
        });
        let share = by_chance.count() as f64 / DRAWS as f64;
        (share < DOUBT && real[worst] > ROUNDING).then(|| inside[worst])
    }
}

/// How far each of the set is above the set's mean.
fn above(means: &[f64], inside: &[usize]) -> Vec<f64> {
    let mean = inside.iter().map(|c| means[*c]).sum::<f64>() / inside.len() as f64;
    inside.iter().map(|c| means[*c] - mean).collect()
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
        // Sixty candidates that differ by chance alone, a hundred times: at most about one in
        // twenty sets may lack the first one.
        let mut rng = Rng::with_seed(3);
        let mut lacking = 0;
        for _ in 0..100 {
            let losses: Vec<Vec<f64>> = (0..60)
                .map(|_| (0..12).map(|_| rng.f64()).collect())
                .collect();
            let losses: Vec<&[f64]> = losses.iter().map(Vec::as_slice).collect();
            lacking += usize::from(!confidence_set(&losses)[0]);
        }
        assert!(lacking <= 5, "{lacking} of 100");
    }
}
