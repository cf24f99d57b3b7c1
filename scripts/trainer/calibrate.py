"""Turns raw scores into honest ones: a temperature, and a threshold below which the answer is "unknown".

Both are fitted on the validation split and measured on the test split.
"""

import numpy as np
from numpy.typing import NDArray

from trainer.errors import warn
from trainer.manifest import Rejection, significant
from trainer.metrics import cross_entropy, softmax

TEMPERATURES = 2.0 ** np.linspace(-1, 3, 161)  # 0.5 to 8, 1 among them
MISTAKES_TO_SHARPEN = 10
LARGEST_THRESHOLD = 0.9  # a well-separated validation split must not make 0.95 an "unknown"


def fit_temperature(logits: NDArray[np.floating], truth: NDArray[np.integer]) -> float:
    """The temperature with the least validation loss (Guo et al. 2017), on a logarithmic grid of 1.7 % steps.

    Sharper scores (below 1) must be earned: a handful of mistakes is no evidence that the rest is certain.
    """
    mistakes = int((logits.argmax(1) != truth).sum())
    grid = TEMPERATURES if mistakes >= MISTAKES_TO_SHARPEN else TEMPERATURES[TEMPERATURES >= 1]
    best = float(grid[int(np.argmin([cross_entropy(logits, truth, float(t)) for t in grid]))])
    if best == grid[-1]:
        warn(f"the fitted temperature stands at its upper bound {best:.2f}: the scores are hardly better than chance")
    return significant(best, 4)


def fit_rejection(
    validation: NDArray[np.floating],
    test: NDArray[np.floating],
    test_truth: NDArray[np.integer],
    temperature: float,
    coverage: float,
) -> Rejection:
    """The threshold that keeps at least `coverage` of the validation pictures; what it keeps of the test pictures."""
    quantile = float(np.quantile(softmax(validation, temperature).max(1), 1 - coverage))
    threshold = significant(min(quantile, LARGEST_THRESHOLD), 4)
    probabilities = softmax(test, temperature)
    kept = probabilities.max(1) >= threshold
    right = (probabilities.argmax(1) == test_truth)[kept]
    return Rejection(
        threshold, significant(float(kept.mean())), significant(float(right.mean())) if kept.any() else 0.0
    )
