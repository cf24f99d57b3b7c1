"""When to answer "unknown": below a score, or beyond a distance. Both limits are fitted together on the validation
split, so that the share of known things that either of them turns away is the one that was asked for.

With n pictures, a limit at the k-th worst of them turns away k/(n + 1) of further such pictures on average (conformal
prediction). Both limits stand at the same rank, as far up as all that they turn away together stays within the share.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ocelli_trainer.errors import warn
from ocelli_trainer.fit.features import ClassFeatures, fit_features
from ocelli_trainer.fit.metrics import softmax
from ocelli_trainer.manifest import Rejection, significant

Array = NDArray[np.float64]
Split = tuple[NDArray[np.floating], NDArray[np.floating], NDArray[np.integer]]  # logits, features, true classes

LARGEST_THRESHOLD = 0.9  # a well-separated validation split must not make 0.95 an "unknown"


@dataclass(frozen=True)
class Limits:
    threshold: float  # lowest score that is known
    distance: float | None  # largest distance that is known

    def unknown(self, scores: Array, distances: Array | None) -> NDArray[np.bool_]:
        low = scores < self.threshold
        if self.distance is None or distances is None:
            return np.asarray(low)
        return np.asarray(low | (distances > self.distance))


def fit_limits(scores: Array, distances: Array | None, coverage: float) -> Limits:
    """The limits that turn away `1 - coverage` of pictures such as these."""
    allowed = int((1 - coverage) * (len(scores) + 1) + 1e-9)
    if allowed == 0:
        needed = int(np.ceil(1 / (1 - coverage) - 1e-9)) - 1 if coverage < 1 else None
        if needed is not None:
            warn(f"{len(scores)} validation pictures cannot show a coverage of {coverage:g}: {needed} are needed")
    lowest = np.sort(scores)
    farthest = None if distances is None else np.sort(distances)[::-1]

    def at(rank: int) -> Limits:
        threshold = significant(min(float(lowest[rank]), LARGEST_THRESHOLD))
        return Limits(threshold, None if farthest is None else significant(float(farthest[rank])))

    best = at(0)
    for rank in range(1, max(allowed, 1)):
        limits = at(rank)
        if int(limits.unknown(scores, distances).sum()) >= allowed:
            break
        best = limits
    return best


@dataclass(frozen=True)
class Rejecting:
    """The limits, what distances are measured by, and what they keep of the test split."""

    features: ClassFeatures | None
    rejection: Rejection


def fit_rejection(
    validation: Split,
    test: Split,
    temperature: float,
    coverage: float,
) -> Rejecting:
    """Fitted on the logits, features and true classes of the one split, measured on those of the other."""
    (logits, embedding, truth), (test_logits, test_embedding, test_truth) = validation, test
    probabilities, tested = softmax(logits, temperature), softmax(test_logits, temperature)
    features = fit_features(embedding, truth, logits.argmax(1), logits.shape[1])
    limits = fit_limits(probabilities.max(1), features.fitted if features else None, coverage)
    distances = features.distances(test_embedding, test_logits.argmax(1)) if features else None
    kept = ~limits.unknown(tested.max(1), distances)
    right = (test_logits.argmax(1) == test_truth)[kept]
    accuracy = significant(float(right.mean())) if kept.any() else 0.0
    return Rejecting(features, Rejection(limits.threshold, significant(float(kept.mean())), accuracy, limits.distance))
