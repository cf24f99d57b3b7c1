"""What is known of a network's features, class by class, and how far from it a picture's features lie.

The runtime measures the same distance (`src/pipeline/score/distance.rs`). To the predicted class only: one mean to
look at, however many classes there are, and the best among the statistics measured for `drift`. Needs numpy only.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ocelli_trainer.errors import say
from ocelli_trainer.manifest import significant

Array = NDArray[np.float64]

MAX_MEANS = 65_536  # classes x features beyond which class means would outweigh a small model
FLOOR = 1e-9  # keeps the logarithm of no distance at all finite
LEAST_DEVIATION = 1e-6
DIGITS = 4  # significant ones, of means and deviations


def log_mean_square(deviations: Array) -> Array:
    """[N, D] deviations => [N] logarithms of their mean squares."""
    return np.asarray(np.log(FLOOR + (deviations**2).mean(1)))


@dataclass(frozen=True)
class ClassFeatures:
    """Each class's mean, and the deviation around it that all classes share (a diagonal Mahalanobis distance)."""

    means: Array  # [C, D]
    deviation: Array  # [D]
    fitted: Array  # the distances of the pictures that it was fitted to, each as if it had not been among them

    def distances(self, embedding: NDArray[np.floating], predicted: NDArray[np.integer]) -> Array:
        return log_mean_square((embedding - self.means[predicted]) / self.deviation)

    def rounded(self) -> tuple[list[list[float]], list[float]]:
        """Means and deviation as the manifest has them."""
        return [[significant(float(v), DIGITS) for v in row] for row in self.means], [
            significant(float(v), DIGITS) for v in self.deviation
        ]


def fit_features(
    embedding: NDArray[np.floating], truth: NDArray[np.integer], predicted: NDArray[np.integer], classes: int
) -> ClassFeatures | None:
    """From held-out pictures; a class without any gets the mean of all. None where it would be too much to store.

    A picture is nearer to a mean that it is part of, the fewer there are the more. So that a limit which is fitted to
    the same pictures keeps what it promises, each one's own part is taken out of mean and deviation again.
    """
    features = embedding.astype(np.float64)
    if classes * features.shape[1] > MAX_MEANS:
        say(f"{classes} classes x {features.shape[1]} features are too many to store: no distance is measured")
        return None
    counts = np.bincount(truth, minlength=classes)
    means = np.stack([features[truth == k].mean(0) if counts[k] else features.mean(0) for k in range(classes)])
    own = features - means[truth]
    squares, n = (own**2).sum(0), counts[truth][:, None]
    deviation = np.sqrt(squares / len(features)) + LEAST_DEVIATION
    # Without the picture, its class's mean moves away from it by 1 / (n - 1) of what they were apart.
    alone = n / np.maximum(n - 1, 1)
    without = np.sqrt(np.maximum(squares - alone * own**2, 0) / max(len(features) - 1, 1)) + LEAST_DEVIATION
    apart = np.where((predicted == truth)[:, None], alone * own, features - means[predicted])
    return ClassFeatures(means, deviation, log_mean_square(apart / without))
