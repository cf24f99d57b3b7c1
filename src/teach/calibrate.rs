//! Honest scores from answers to pictures that were held out: a temperature, and a threshold
//! below which the answer is "unknown". Pure functions of logits and labels.

use super::logistic::to_probabilities;
use crate::calibration::measures::{best, quantile, significant};
use crate::calibration::temperature::{Answer, doubt, fit, loss, temperatures};
use crate::model::manifest::Rejection;

/// Share of the pictures that the threshold keeps.
const COVERAGE: f64 = 0.95;
/// Fewer pictures have none that stands for the others of [`COVERAGE`].
pub(super) const FEWEST: usize = 20;
/// A well-separated set must not make 0.95 an "unknown".
const LARGEST_THRESHOLD: f64 = 0.9;

/// Logits as the fit of a temperature takes them.
fn answers(logits: &[Vec<f64>], classes: &[usize]) -> Vec<Answer> {
    let rows = logits.iter().zip(classes);
    rows.map(|(row, class)| (row.clone(), *class)).collect()
}

/// The temperature with the least loss.
pub(super) fn temperature(logits: &[Vec<f64>], classes: &[usize]) -> f64 {
    fit(&answers(logits, classes))
}

/// Each picture's `-ln p` of its label at the temperature that suits best: how good answers are
/// once they are calibrated, as they will be. Without that, heads that are right but too sure
/// would seem worse than timid ones.
pub(super) fn calibrated_losses(logits: &[Vec<f64>], classes: &[usize]) -> Vec<f64> {
    let (answers, doubt) = (answers(logits, classes), doubt(classes.len()));
    let losses = |temperature: f64| {
        let losses = answers
            .iter()
            .map(|answer| loss(answer, temperature, doubt));
        losses.collect::<Vec<f64>>()
    };
    // Every eighth will do: the loss is flat around its lowest point.
    let tried = temperatures().step_by(8).map(losses);
    let sum = |losses: &Vec<f64>| losses.iter().sum::<f64>();
    let best = tried.min_by(|a, b| sum(a).total_cmp(&sum(b)));
    best.unwrap_or_default()
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

#[cfg(test)]
mod tests {
    use super::{probabilities, rejection, temperature};

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
}
