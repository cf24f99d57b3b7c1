//! Honest scores from answers to pictures that were held out: a temperature, and a threshold
//! below which the answer is "unknown". Pure functions of logits and labels.

use super::logistic::to_probabilities;
use crate::model::manifest::Rejection;

/// Mean score below accuracy by more than this: plainly underconfident.
const TOO_LOW: f64 = 0.05;
/// Share of the pictures that the threshold keeps.
const COVERAGE: f64 = 0.95;
/// Fewer pictures have none that stands for the others of [`COVERAGE`].
pub(super) const FEWEST: usize = 20;
/// A well-separated set must not make 0.95 an "unknown".
const LARGEST_THRESHOLD: f64 = 0.9;

/// Temperatures that are tried: 0.125 to 8, 1 among them, in steps of 1.7 %.
fn temperatures() -> impl Iterator<Item = f64> {
    (0..=240).map(|step| 2.0_f64.powf(f64::from(step) / 40.0 - 3.0))
}

/// The temperature with the least loss (Guo et al. 2017). The truth counts for a little less
/// than 1 (Platt 1999), so that a few pictures without a mistake do not ask for certainty;
/// sharper scores, below 1, are given only to plainly underconfident heads, because they lift
/// the scores of what was never seen, too.
pub(super) fn temperature(logits: &[Vec<f64>], classes: &[usize]) -> f64 {
    let doubt = 1.0 / (classes.len() + 2) as f64;
    let plain = probabilities(logits, 1.0);
    let count = classes.len().max(1) as f64;
    let right = plain
        .iter()
        .zip(classes)
        .filter(|(row, class)| best(row).0 == **class);
    let accuracy = right.count() as f64 / count;
    let score = plain.iter().map(|row| best(row).1).sum::<f64>() / count;
    let least = if accuracy - score > TOO_LOW {
        0.0
    } else {
        1.0 - 1e-9
    };
    let tried = temperatures().filter(|t| *t >= least);
    let tried = tried.map(|t| (t, loss(logits, classes, t, doubt)));
    let best = tried.min_by(|a, b| a.1.total_cmp(&b.1));
    significant(best.map_or(1.0, |(t, _)| t), 4)
}

/// Each picture's `-ln p` of its label at the temperature that suits best: how good answers are
/// once they are calibrated, as they will be. Without that, heads that are right but too sure
/// would seem worse than timid ones.
pub(super) fn calibrated_losses(logits: &[Vec<f64>], classes: &[usize]) -> Vec<f64> {
    let doubt = 1.0 / (classes.len() + 2) as f64;
    // Every eighth will do: the loss is flat around its lowest point.
    let tried = temperatures().step_by(8);
    let tried = tried.map(|t| (loss(logits, classes, t, doubt), t));
    let best = tried.min_by(|a, b| a.0.total_cmp(&b.0));
    let temperature = best.map_or(1.0, |(_, t)| t);
    let rows = logits.iter().zip(classes);
    rows.map(|(row, class)| row_loss(row, *class, temperature, doubt))
        .collect()
}

/// The mean of `-ln p` at a temperature; with some `doubt` it is any class.
fn loss(logits: &[Vec<f64>], classes: &[usize], temperature: f64, doubt: f64) -> f64 {
    let rows = logits.iter().zip(classes);
    let sum: f64 = rows
        .map(|(row, class)| row_loss(row, *class, temperature, doubt))
        .sum();
    sum / classes.len().max(1) as f64
}

fn row_loss(row: &[f64], class: usize, temperature: f64, doubt: f64) -> f64 {
    let mut scaled: Vec<f64> = row.iter().map(|v| v / temperature).collect();
    let mean = scaled.iter().sum::<f64>() / scaled.len() as f64;
    let of_class = scaled[class];
    let own = to_probabilities(&mut scaled, class);
    let all_alike = own + mean - of_class;
    -(1.0 - doubt) * own - doubt * all_alike
}

/// The probabilities that logits stand for at a temperature.
pub(super) fn probabilities(logits: &[Vec<f64>], temperature: f64) -> Vec<Vec<f64>> {
    let row = |row: &Vec<f64>| {
        let mut scaled: Vec<f64> = row.iter().map(|v| v / temperature).collect();
        to_probabilities(&mut scaled, 0);
        scaled
    };
    logits.iter().map(row).collect()
}

/// The threshold that keeps so many of these pictures, and how good the answers are that it
/// keeps; `None` where they are too few.
pub(super) fn rejection(probabilities: &[Vec<f64>], classes: &[usize]) -> Option<Rejection> {
    if classes.len() < FEWEST {
        return None;
    }
    let mut scores: Vec<f64> = probabilities.iter().map(|row| best(row).1).collect();
    scores.sort_by(f64::total_cmp);
    let threshold = significant(quantile(&scores, 1.0 - COVERAGE).min(LARGEST_THRESHOLD), 4);
    let kept = probabilities
        .iter()
        .zip(classes)
        .map(|(row, class)| (best(row), *class));
    let kept: Vec<_> = kept.filter(|((_, score), _)| *score >= threshold).collect();
    let right = kept
        .iter()
        .filter(|((index, _), class)| index == class)
        .count();
    Some(Rejection {
        threshold,
        distance: None,
        coverage: significant(kept.len() as f64 / classes.len() as f64, 6),
        accuracy: significant(right as f64 / kept.len().max(1) as f64, 6),
    })
}

/// The likeliest class, the first of equals, and its probability.
pub(super) fn best(row: &[f64]) -> (usize, f64) {
    let mut best = (0, f64::NEG_INFINITY);
    for (index, value) in row.iter().copied().enumerate() {
        if value > best.1 {
            best = (index, value);
        }
    }
    best
}

/// The quantile of sorted values, by line between neighbours.
pub(super) fn quantile(sorted: &[f64], share: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else {
        return 0.0;
    };
    let at = share * last as f64;
    let low = (at.floor() as usize).min(last);
    let high = (low + 1).min(last);
    sorted[low] + (sorted[high] - sorted[low]) * (at - low as f64)
}

/// A number of so many digits that count: files stay small, and their bytes the same from run
/// to run.
pub(super) fn significant(value: f64, digits: usize) -> f64 {
    format!("{value:.*e}", digits.saturating_sub(1))
        .parse()
        .unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::{probabilities, rejection, significant, temperature};

    /// Twenty pictures of two classes; two of them answered wrongly.
    fn answers() -> (Vec<Vec<f64>>, Vec<usize>) {
        let classes: Vec<usize> = (0..20).map(|n| n % 2).collect();
        let logits = classes.iter().enumerate().map(|(n, class)| {
            let way = if n % 10 == 3 { -1.0 } else { 1.0 };
            let own = way * (1.0 + n as f64 / 2.0);
            if *class == 0 {
                vec![own, 0.0]
            } else {
                vec![0.0, own]
            }
        });
        (logits.collect(), classes)
    }

    #[test]
    fn temperature_and_threshold_are_the_trainer_s() {
        // ocelli_trainer.fit.calibrate: fit_temperature(logits, truth), and fit_rejection(logits,
        // logits, truth, t, .95) of the same.
        let (logits, classes) = answers();
        let found = temperature(&logits, &classes);
        assert_eq!(found, 2.979);
        let rejection = rejection(&probabilities(&logits, found), &classes).unwrap();
        assert_eq!(rejection.threshold, 0.6213);
        assert_eq!((rejection.coverage, rejection.accuracy), (0.95, 0.894737));
    }

    #[test]
    fn too_few_pictures_make_no_threshold() {
        let (logits, classes) = answers();
        let few = rejection(&probabilities(&logits[..19], 1.0), &classes[..19]);
        assert_eq!(few, None);
    }

    #[test]
    fn digits_that_count_are_kept() {
        assert_eq!(significant(0.012_345_67, 4), 0.01235);
        assert_eq!(significant(0.0, 4), 0.0);
        assert_eq!(significant(-12_345.0, 2), -12_000.0);
    }
}
