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
pub(crate) fn calibration_error(answers: &[(f64, bool)]) -> f64 {
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
pub(crate) fn auroc(known: &[f64], unknown: &[f64]) -> f64 {
    let known = sorted(known);
    let below = |value: f64| {
        let less = known.partition_point(|k| *k < value);
        let less_or_equal = known.partition_point(|k| *k <= value);
        (less + less_or_equal) as f64 / 2.0
    };
    let sum: f64 = unknown.iter().map(|value| below(*value)).sum();
    sum / (known.len() * unknown.len()).max(1) as f64
}

/// The share `count` of `of`, and its 95 % interval.
pub(crate) fn interval(count: usize, of: usize) -> (f64, f64, f64) {
    let share = count as f64 / of.max(1) as f64;
    let (low, high) = interval_of(share, of.max(1) as f64);
    (share, low, high)
}

/// The 95 % interval (Wilson's) of a share of `n`.
pub(crate) fn interval_of(share: f64, n: f64) -> (f64, f64) {
    let square = NORMAL * NORMAL;
    let middle = (share + square / (2.0 * n)) / (1.0 + square / n);
    let half =
        NORMAL / (1.0 + square / n) * (share * (1.0 - share) / n + square / (4.0 * n * n)).sqrt();
    ((middle - half).max(0.0), (middle + half).min(1.0))
}

/// The largest of a row, of equals the first: its place, and its value.
pub(crate) fn best(row: &[f64]) -> (usize, f64) {
    let mut best = (0, f64::NEG_INFINITY);
    for (index, value) in row.iter().copied().enumerate() {
        if value > best.1 {
            best = (index, value);
        }
    }
    best
}

/// The quantile of sorted values, by line between neighbours; 0 of none.
pub(crate) fn quantile(sorted: &[f64], share: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else {
        return 0.0;
    };
    let place = share * last as f64;
    let low = (place.floor() as usize).min(last);
    let high = (low + 1).min(last);
    sorted[low] + (sorted[high] - sorted[low]) * (place - low as f64)
}

/// In ascending order.
pub(crate) fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

/// What a manifest says of values.
pub(crate) fn statistic(values: &[f64]) -> Statistic {
    let count = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
    let sorted = sorted(values);
    let quantile = |twentieth: u8| {
        let value = quantile(&sorted, f64::from(twentieth) / 20.0);
        significant(value, DIGITS)
    };
    Statistic {
        mean: significant(mean, DIGITS),
        deviation: significant((squares / count).sqrt(), DIGITS),
        quantiles: (0..=20).map(quantile).collect(),
    }
}

/// Rounded to so many significant digits: what is in a manifest stays small.
pub(crate) fn significant(value: f64, digits: usize) -> f64 {
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
