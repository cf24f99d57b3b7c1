//! Measures of how honest scores are, as the field has them.

use crate::model::manifest::Statistic;

/// Bins of the expected calibration error (Guo et al. 2017, On Calibration of Modern Neural
/// Networks).
const ECE_BINS: usize = 15;
/// The normal distribution's quantile of 97.5 %.
const NORMAL: f64 = 1.959_964;
/// Significant digits of a statistic in a manifest.
const DIGITS: usize = 6;

/// Mean gap between the best score and how often it is right, over bins of equal width. Each
/// pair is a picture's best score and whether it was right.
pub(super) fn calibration_error(answers: &[(f64, bool)]) -> f64 {
    let mut bins = [(0.0, 0.0); ECE_BINS];
    for (score, right) in answers {
        let bin = ((score * ECE_BINS as f64) as usize).min(ECE_BINS - 1);
        bins[bin].0 += score;
        bins[bin].1 += f64::from(*right);
    }
    let gaps = bins.iter().map(|(scores, right)| (scores - right).abs());
    gaps.sum::<f64>() / answers.len().max(1) as f64
}

/// How likely an unknown thing has a larger value than a known one, equal ones half (Mann and
/// Whitney): the area under the curve of found over false.
pub(super) fn auroc(known: &[f64], unknown: &[f64]) -> f64 {
    let known = sorted(known);
    let below = |value: f64| {
        let less = known.partition_point(|k| *k < value);
        let less_or_equal = known.partition_point(|k| *k <= value);
        (less + less_or_equal) as f64 / 2.0
    };
    let sum: f64 = unknown.iter().map(|value| below(*value)).sum();
    sum / (known.len() * unknown.len()).max(1) as f64
}

/// The share `count` of `of`, and its 95 % interval (Wilson's).
pub(super) fn interval(count: usize, of: usize) -> (f64, f64, f64) {
    let (n, share) = (of.max(1) as f64, count as f64 / of.max(1) as f64);
    let square = NORMAL * NORMAL;
    let middle = (share + square / (2.0 * n)) / (1.0 + square / n);
    let half =
        NORMAL / (1.0 + square / n) * (share * (1.0 - share) / n + square / (4.0 * n * n)).sqrt();
    (share, (middle - half).max(0.0), (middle + half).min(1.0))
}

/// In ascending order.
pub(super) fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

/// What a manifest says of values.
pub(super) fn statistic(values: &[f64]) -> Statistic {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
    let sorted = sorted(values);
    let quantile = |twentieth: usize| {
        let place = (sorted.len() - 1) as f64 * twentieth as f64 / 20.0;
        let (low, high) = (
            sorted[place.floor() as usize],
            sorted[place.ceil() as usize],
        );
        significant(low + (high - low) * place.fract(), DIGITS)
    };
    Statistic {
        mean: significant(mean, DIGITS),
        deviation: significant((squares / count).sqrt(), DIGITS),
        quantiles: (0..=20).map(quantile).collect(),
    }
}

/// Rounded to so many significant digits: what is in a manifest stays small.
pub(super) fn significant(value: f64, digits: usize) -> f64 {
    let text = format!("{value:.*e}", digits.saturating_sub(1));
    text.parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::{auroc, calibration_error, interval, significant, statistic};

    #[test]
    fn measures_are_those_of_numpy_and_scikit_learn() {
        // sklearn.metrics.roc_auc_score([0] * 5 + [1] * 4, known + unknown)
        let known = [0.1, 0.4, 0.35, 0.8, 0.4];
        let unknown = [0.4, 0.9, 0.35, 0.7];
        assert!((auroc(&known, &unknown) - 0.675).abs() < 1e-12);
        // The trainer's expected_calibration_error of these best scores.
        let answers = [
            (0.95, true),
            (0.94, false),
            (0.6, true),
            (0.61, true),
            (1.0, true),
        ];
        assert!((calibration_error(&answers) - 0.336).abs() < 1e-9);
        // scipy.stats.binomtest(7, 400).proportion_ci(method="wilson")
        let (share, low, high) = interval(7, 400);
        assert!((share - 0.0175).abs() < 1e-12);
        assert!((low - 0.008_502_3).abs() < 1e-6 && (high - 0.035_677_1).abs() < 1e-6);
        let found = statistic(&[3.0, 1.0, 2.0, 10.0]);
        assert_eq!((found.mean, found.deviation), (4.0, 3.535_53));
        // numpy.quantile at 0, 5 and 50 %.
        assert_eq!(found.quantiles[..2], [1.0, 1.15]);
        assert_eq!(found.quantiles[10], 2.5);
        assert_eq!(significant(0.012_345_67, 4), 0.012_35);
    }
}
