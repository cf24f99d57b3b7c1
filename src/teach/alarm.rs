//! Where the monitor rings: thresholds that independent frames like those learned from pass so
//! often. Found by drawing frames at random, as the trainer does.

use std::collections::BTreeMap;

use fastrand::Rng;

use crate::calibration::measures::{quantile, significant};

/// False alarms in so many independent frames, of all detectors together.
pub(super) const PER_10000: f64 = 1.0;
/// Answers in the test on their shares.
pub(super) const WINDOW: usize = 64;
/// What the cumulative sum lets pass, in standard deviations: half of the smallest shift that is
/// worth an alarm.
const SLACK: f64 = 0.5;
/// Frames of a stream that is drawn, and streams.
const HORIZON: usize = 10_000;
const STREAMS: usize = 400;

/// Each value's place among the quantiles as a normal score, with tails that go on rising: up
/// to 4 ranges between the quartiles beyond the ends.
pub(super) fn normal_scores(values: &[f64], quantiles: &[f64]) -> Vec<f64> {
    let (first, last) = (quantiles[0], quantiles[quantiles.len() - 1]);
    let spread = (quantiles[15] - quantiles[5]).max(1e-9);
    let least = 0.5 / values.len() as f64;
    let score = |value: &f64| {
        let share = share_below(*value, quantiles).clamp(least, 1.0 - least);
        let above = ((value - last) / spread).clamp(0.0, 4.0);
        let below = ((first - value) / spread).clamp(0.0, 4.0);
        normal_quantile(share) + above - below
    };
    values.iter().map(score).collect()
}

/// The share of values below this one: on the line between its neighbours among the quantiles,
/// in the middle of those that equal it.
fn share_below(value: f64, quantiles: &[f64]) -> f64 {
    let steps = (quantiles.len() - 1) as f64;
    let below = quantiles.partition_point(|q| *q < value);
    let through = quantiles.partition_point(|q| *q <= value);
    if through > below {
        return (below + through - 1) as f64 / 2.0 / steps;
    }
    if below == 0 || below == quantiles.len() {
        return below.min(1) as f64;
    }
    let (low, high) = (quantiles[below - 1], quantiles[below]);
    ((below - 1) as f64 + (value - low) / (high - low)) / steps
}

/// The heights that cumulative sums of these scores pass at the rate `budget` in a stream.
pub(super) fn cusum(scores: &[(&str, Vec<f64>)], budget: f64) -> BTreeMap<String, f64> {
    let pictures = scores.first().map_or(0, |(_, values)| values.len());
    let mut rng = Rng::with_seed(0);
    let mut peaks = vec![Vec::with_capacity(STREAMS); scores.len()];
    for _ in 0..STREAMS {
        let mut sums = vec![(0.0_f64, 0.0_f64, 0.0_f64); scores.len()];
        for _ in 0..HORIZON {
            let picture = rng.usize(..pictures);
            for ((high, low, peak), (_, values)) in sums.iter_mut().zip(scores) {
                let value = values[picture];
                *high = (*high + value - SLACK).max(0.0);
                *low = (*low - value - SLACK).max(0.0);
                *peak = peak.max(high.max(*low));
            }
        }
        for (peaks, (_, _, peak)) in peaks.iter_mut().zip(sums) {
            peaks.push(peak);
        }
    }
    let named = scores.iter().zip(peaks);
    named
        .map(|((name, _), peaks)| ((*name).to_owned(), level(peaks, budget)))
        .collect()
}

/// The same for Pearson's chi-squared of the last [`WINDOW`] answers against their shares.
pub(super) fn prior(shares: &[f64], budget: f64) -> f64 {
    let mut rng = Rng::with_seed(1);
    let sum: f64 = shares.iter().sum();
    let expected: Vec<f64> = shares.iter().map(|s| s / sum * WINDOW as f64).collect();
    let mut draw = || {
        let mut left = rng.f64() * WINDOW as f64;
        let class = expected.iter().position(|share| {
            left -= share;
            left < 0.0
        });
        class.unwrap_or(expected.len() - 1)
    };
    let peaks = (0..STREAMS).map(|_| {
        let mut window: Vec<usize> = (0..WINDOW).map(|_| draw()).collect();
        let mut gaps: Vec<f64> = expected.iter().map(|e| -e).collect();
        window.iter().for_each(|class| gaps[*class] += 1.0);
        let mut chi: f64 = gaps.iter().zip(&expected).map(|(g, e)| g * g / e).sum();
        let mut peak = chi;
        for frame in WINDOW..HORIZON {
            let (new, old) = (draw(), window[frame % WINDOW]);
            for (class, step) in [(new, 1.0), (old, -1.0)] {
                // (gap + step)^2 - gap^2
                chi += (2.0 * step * gaps[class] + 1.0) / expected[class];
                gaps[class] += step;
            }
            window[frame % WINDOW] = new;
            peak = peak.max(chi);
        }
        peak
    });
    level(peaks.collect(), budget)
}

/// What streams pass at the rate `budget`: the chance of none is exp(-rate).
fn level(mut peaks: Vec<f64>, budget: f64) -> f64 {
    peaks.sort_by(f64::total_cmp);
    significant(quantile(&peaks, (-budget).exp()), 4)
}

/// The standard normal distribution's quantile (Acklam's rational approximation, right to
/// 1.2e-9 of itself).
fn normal_quantile(share: f64) -> f64 {
    const A: [f64; 6] = [
        -3.969_683_028_665_376e1,
        2.209_460_984_245_205e2,
        -2.759_285_104_469_687e2,
        1.383_577_518_672_69e2,
        -3.066_479_806_614_716e1,
        2.506_628_277_459_239,
    ];
    const B: [f64; 6] = [
        -5.447_609_879_822_406e1,
        1.615_858_368_580_409e2,
        -1.556_989_798_598_866e2,
        6.680_131_188_771_972e1,
        -1.328_068_155_288_572e1,
        1.0,
    ];
    const C: [f64; 6] = [
        -7.784_894_002_430_293e-3,
        -3.223_964_580_411_365e-1,
        -2.400_758_277_161_838,
        -2.549_732_539_343_734,
        4.374_664_141_464_968,
        2.938_163_982_698_783,
    ];
    const D: [f64; 5] = [
        7.784_695_709_041_462e-3,
        3.224_671_290_700_398e-1,
        2.445_134_137_142_996,
        3.754_408_661_907_416,
        1.0,
    ];
    const TAIL: f64 = 0.024_25;
    let polynomial = |of: &[f64], x: f64| of.iter().fold(0.0, |sum, c| sum * x + c);
    let tail = |share: f64| {
        let q = (-2.0 * share.ln()).sqrt();
        polynomial(&C, q) / polynomial(&D, q)
    };
    if share < TAIL {
        return tail(share);
    }
    if share > 1.0 - TAIL {
        return -tail(1.0 - share);
    }
    let q = share - 0.5;
    q * polynomial(&A, q * q) / polynomial(&B, q * q)
}

#[cfg(test)]
mod tests {
    use super::{PER_10000, cusum, normal_quantile, normal_scores, prior};

    #[test]
    fn quantiles_of_the_normal_distribution_are_scipy_s() {
        // scipy.stats.norm.ppf
        for (share, expected) in [
            (0.5, 0.0),
            (0.975, 1.959_963_984_540_054),
            (0.01, -2.326_347_874_040_841),
            (1e-6, -4.753_424_308_822_899),
        ] {
            assert!((normal_quantile(share) - expected).abs() < 1e-8, "{share}");
        }
    }

    #[test]
    fn thresholds_are_near_those_of_the_trainer() {
        // The trainer's cusum_thresholds and prior_threshold give 8.86 to 8.95 and 16.05 to
        // 16.32, as the draws fall.
        let values: Vec<f64> = (0..=200).map(f64::from).collect();
        let quantiles: Vec<f64> = (0..=20).map(|step| f64::from(step * 10)).collect();
        let scores = normal_scores(&values, &quantiles);
        let height = cusum(&[("score", scores)], PER_10000 / 2.0)["score"];
        assert!((height - 8.91).abs() < 0.2, "{height}");
        let level = prior(&[0.5, 0.3, 0.2], PER_10000 / 2.0);
        assert!((level - 16.15).abs() < 0.5, "{level}");
    }
}
