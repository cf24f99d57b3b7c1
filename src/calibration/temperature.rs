//! The temperature that makes scores honest: the one with the least log-loss on labelled
//! pictures (Guo et al. 2017). The trainer fits it in the same way (`fit/calibrate.py`).

use super::measures::{best, significant};

/// Temperatures tried, from 1/8 to 8 in steps of 1.7 %; the middle one is 1.
const STEPS: i32 = 240;
/// Of the grid, its logarithm to base 2 at the ends.
const LARGEST: f64 = 3.0;
/// A mean score below the accuracy by more than this is plainly underconfident.
const TOO_LOW: f64 = 0.05;
/// Significant digits.
const DIGITS: usize = 4;

/// Logarithms of a picture's probabilities at temperature 1, or its logits, and its class.
pub(crate) type Answer = (Vec<f64>, usize);

/// The temperature with the least loss. Sharper scores (below 1) are given only to a plainly
/// underconfident network: they also lift the scores of things never seen. The truth counts
/// for a little less than 1 (Platt 1999), so that few pictures without a mistake do not ask
/// for certainty.
pub(crate) fn fit(answers: &[Answer]) -> f64 {
    let count = answers.len().max(1) as f64;
    let doubt = doubt(answers.len());
    let gaps = answers.iter().map(|(logs, class)| {
        let best = best(logs).0;
        f64::from(best == *class) - at(logs, 1.0)[best].exp()
    });
    let least = match gaps.sum::<f64>() / count > TOO_LOW {
        true => 0.0,
        false => 1.0 - 1e-9,
    };
    let tried = temperatures().filter(|temperature| *temperature >= least);
    let losses = tried.map(|temperature| {
        let losses = answers
            .iter()
            .map(|answer| loss(answer, temperature, doubt));
        (losses.sum::<f64>(), temperature)
    });
    let least = losses.min_by(|(a, _), (b, _)| a.total_cmp(b));
    significant(least.map_or(1.0, |(_, temperature)| temperature), DIGITS)
}

/// The temperatures that are tried, the lowest first.
pub(crate) fn temperatures() -> impl Iterator<Item = f64> {
    (0..=STEPS).map(|step| {
        let exponent = f64::from(2 * step - STEPS) / f64::from(STEPS) * LARGEST;
        exponent.exp2()
    })
}

/// How much of the truth is left open, by how many pictures there are.
pub(crate) fn doubt(pictures: usize) -> f64 {
    1.0 / (pictures + 2) as f64
}

/// A picture's `-ln p` of its class at a temperature; with some `doubt` it is any class.
pub(crate) fn loss((logs, class): &Answer, temperature: f64, doubt: f64) -> f64 {
    let logs = at(logs, temperature);
    let spread = logs.iter().sum::<f64>() / logs.len() as f64;
    -(1.0 - doubt) * logs[*class] - doubt * spread
}

/// Whether it lies at the end of the grid: the scores are hardly better than chance.
pub(crate) fn is_largest(temperature: f64) -> bool {
    temperature >= LARGEST.exp2()
}

/// Logarithms of the probabilities at a temperature.
pub(crate) fn at(logs: &[f64], temperature: f64) -> Vec<f64> {
    let mut scaled: Vec<f64> = logs.iter().map(|log| log / temperature).collect();
    let largest = scaled.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = scaled.iter().map(|log| (log - largest).exp()).sum();
    scaled.iter_mut().for_each(|log| *log -= largest + sum.ln());
    scaled
}

/// Each picture's best score at a temperature, and whether it is right.
pub(crate) fn answers(logs: &[Answer], temperature: f64) -> Vec<(f64, bool)> {
    let answer = |(logs, class): &Answer| {
        let index = best(logs).0;
        (at(logs, temperature)[index].exp(), index == *class)
    };
    logs.iter().map(answer).collect()
}
