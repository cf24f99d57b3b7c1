//! When to answer "unknown": below a score, or beyond a distance. Both limits are fitted
//! together, so that the share of known pictures that either of them turns away is the one
//! that was asked for. The trainer does the same (`fit/rejection.py`).
//!
//! With n pictures, a limit at the k-th worst of them turns away k / (n + 1) of further such
//! pictures on average (conformal prediction). Both limits stand at the same rank, as far up
//! as all that they turn away together stays within the share.

use super::measures::{significant, sorted};

/// Well-separated pictures must not make 0.95 an "unknown".
const LARGEST_THRESHOLD: f64 = 0.9;
/// Significant digits.
const DIGITS: usize = 6;

/// The lowest score and the largest distance that are known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Limits {
    pub(super) threshold: f64,
    pub(super) distance: Option<f64>,
}

impl Limits {
    /// Whether a picture of this score and distance is unknown.
    pub(super) fn reject(&self, score: f64, distance: Option<f64>) -> bool {
        let farthest = self.distance.unwrap_or(f64::INFINITY);
        score < self.threshold || distance.is_some_and(|distance| distance > farthest)
    }

    /// How many of the pictures are unknown.
    pub(super) fn rejected(&self, scores: &[f64], distances: Option<&[f64]>) -> usize {
        let distance = |at: usize| distances.map(|distances| distances[at]);
        let rejected = |(at, score): &(usize, &f64)| self.reject(**score, distance(*at));
        scores.iter().enumerate().filter(rejected).count()
    }
}

/// Pictures that it takes for a limit to be met at all.
pub(super) fn needed(coverage: f64) -> usize {
    (1.0 / (1.0 - coverage) - 1e-9).ceil() as usize - 1
}

/// The limits that turn away `1 - coverage` of pictures such as these.
pub(super) fn fit(scores: &[f64], distances: Option<&[f64]>, coverage: f64) -> Limits {
    let allowed = ((1.0 - coverage) * (scores.len() + 1) as f64 + 1e-9) as usize;
    let lowest = sorted(scores);
    let nearest = distances.map(sorted);
    let at = |rank: usize| Limits {
        threshold: significant(lowest[rank].min(LARGEST_THRESHOLD), DIGITS),
        distance: nearest
            .as_ref()
            .map(|nearest| significant(nearest[nearest.len() - 1 - rank], DIGITS)),
    };
    let within = |limits: &Limits| limits.rejected(scores, distances) < allowed;
    let further = (1..allowed).map(at).take_while(within);
    further.last().unwrap_or_else(|| at(0))
}

/// One number for both, as both limits stand at one rank: how usual the less usual of the two
/// is, the share of the fitted pictures that are no better. Smaller is more unusual.
pub(super) struct Ranks {
    scores: Vec<f64>,
    distances: Vec<f64>,
}

impl Ranks {
    pub(super) fn new(scores: &[f64], distances: &[f64]) -> Self {
        Self {
            scores: sorted(scores),
            distances: sorted(distances),
        }
    }

    pub(super) fn of(&self, score: f64, distance: f64) -> f64 {
        let low = self.scores.partition_point(|s| *s <= score);
        let near = self.distances.partition_point(|d| *d < distance);
        let far = self.distances.len() - near;
        low.min(far) as f64 / self.scores.len() as f64
    }
}
