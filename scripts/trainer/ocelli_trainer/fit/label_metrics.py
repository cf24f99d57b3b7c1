"""The usual measures where labels are independent of one another: each is a question answered with yes or no.

What cannot be computed is 0, as in scikit-learn with `zero_division=0` and in `ocelli eval`.
"""

import numpy as np
from numpy.typing import NDArray

from ocelli_trainer.fit.metrics import ECE_BINS
from ocelli_trainer.manifest import significant
from ocelli_trainer.measured import ClassMetrics, Metrics

Floats = NDArray[np.float64]


def sigmoid(logits: NDArray[np.floating], temperatures: float | Floats = 1.0) -> Floats:
    """[N, C] logits => [N, C] probabilities, in float64 and safe against overflow."""
    return np.asarray(0.5 * (1 + np.tanh(logits.astype(np.float64) / temperatures / 2)))


def binary_cross_entropy(
    logits: NDArray[np.floating], truth: NDArray[np.integer] | Floats, temperatures: float | Floats = 1.0
) -> Floats:
    """Of every answer, in nats; the truth may lie between 0 and 1."""
    z = logits.astype(np.float64) / temperatures
    return np.asarray(np.logaddexp(0, z) - truth * z)


def average_precision(scores: Floats, truth: NDArray[np.integer]) -> float:
    """The sum over falling thresholds of precision times the gain in recall; equal scores are one step."""
    precision, recall = precision_recall(scores, truth)
    return float(np.sum(precision * np.diff(recall, prepend=0.0)))


def precision_recall(scores: Floats, truth: NDArray[np.integer]) -> tuple[Floats, Floats]:
    """(precision, recall) at each distinct score, the highest first."""
    order = np.argsort(-scores, kind="stable")
    ranked, found = scores[order], np.cumsum(truth[order])
    last = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)  # of each run of equal scores
    return found[last] / (last + 1), found[last] / max(int(truth.sum()), 1)


def ratios(right: int, given: int, there: int) -> tuple[float, float, float]:
    """Precision, recall and F1 of so many right answers among those given and those there."""
    return right / max(given, 1), right / max(there, 1), 2 * right / max(given + there, 1)


def calibration_error(probabilities: Floats, truth: NDArray[np.integer]) -> float:
    """Of one label: mean gap between its probability and how often it is there, over equal-width bins."""
    bins = np.minimum((probabilities * ECE_BINS).astype(int), ECE_BINS - 1)
    inside = [bins == b for b in np.unique(bins)]
    return float(sum(abs(truth[i].mean() - probabilities[i].mean()) * i.mean() for i in inside))


def measure(
    logits: NDArray[np.floating],
    truth: NDArray[np.integer],
    labels: tuple[str, ...],
    temperatures: float | Floats,
    thresholds: float | Floats,
) -> Metrics:
    """Everything at once; accuracy is the share of pictures whose labels are all right."""
    probabilities = sigmoid(logits, temperatures)
    given = probabilities >= thresholds
    right = given & (truth == 1)
    counts = [tuple(map(int, c)) for c in zip(right.sum(0), given.sum(0), truth.sum(0), strict=True)]
    each = [ratios(*count) for count in counts]
    precisions = [average_precision(p, t) for p, t in zip(probabilities.T, truth.T, strict=True)]
    errors = [calibration_error(p, t) for p, t in zip(probabilities.T, truth.T, strict=True)]
    rows = [
        ClassMetrics(label, significant(p), significant(r), significant(f), there, significant(ap))
        for label, (p, r, f), (_, _, there), ap in zip(labels, each, counts, precisions, strict=True)
    ]
    return Metrics(
        accuracy=significant(float((given == truth).all(1).mean())),
        top5=None,
        loss=significant(float(binary_cross_entropy(logits, truth, temperatures).mean())),
        macro_f1=significant(float(np.mean([f1 for _, _, f1 in each]))),
        ece=significant(float(np.mean(errors))),
        per_class=rows,
        micro_f1=significant(ratios(int(right.sum()), int(given.sum()), int(truth.sum()))[2]),
        mean_average_precision=significant(float(np.mean(precisions))),
    )
