"""How well things never seen are told from those that were: each class in turn plays the unknown one.

The network is not trained again, which would take as long as there are classes: a class is taken out of its last
layer, out of the statistics and out of the validation pictures, and all limits are fitted anew without it. The
features below still come from a network that has seen the class, so real strangers are found a little less often;
`scripts/check-unknown` trains without the class, and shows by how much.
"""

import numpy as np
from numpy.typing import NDArray

from ocelli_trainer.fit.features import fit_features
from ocelli_trainer.fit.metrics import softmax
from ocelli_trainer.fit.rejection import Split, fit_limits
from ocelli_trainer.manifest import significant
from ocelli_trainer.measured import LeaveOneClassOut

Array = NDArray[np.float64]

FEWEST_CLASSES = 3  # of one class that is left, every score is 1


def auroc(known: Array, unknown: Array) -> float:
    """How likely an unknown thing has a larger value than a known one, equal ones half (Mann and Whitney)."""
    ranked = np.sort(known)
    below, equal_or_below = (np.searchsorted(ranked, unknown, side=side) for side in ("left", "right"))
    return float((below + equal_or_below).mean() / 2 / len(known))


def ranks(fitted: Array, values: Array) -> Array:
    """Share of the fitted values that are as large or larger: how usual a value is."""
    return np.asarray(1 - np.searchsorted(np.sort(fitted), values, side="left") / len(fitted))


def joint(scores: tuple[Array, Array], distances: tuple[Array, Array]) -> Array:
    """One number for both, as both limits stand at one rank: the less usual of the two. Pairs of (fitted, values)."""
    return -np.minimum(ranks(-scores[0], -scores[1]), ranks(*distances))


def leave_one_class_out(validation: Split, test: Split, temperature: float, coverage: float) -> LeaveOneClassOut | None:
    """The means over all classes; None where too few are left, or the features are too many to store."""
    classes = validation[0].shape[1]
    if classes < FEWEST_CLASSES:
        return None
    found = [_without(k, validation, test, temperature, coverage) for k in range(classes) if (test[2] == k).any()]
    rows = np.array([row for row in found if row is not None])
    if not len(rows):
        return None
    return LeaveOneClassOut(*(significant(float(v), 4) for v in rows.mean(0)))


def _without(
    left_out: int, validation: Split, test: Split, temperature: float, coverage: float
) -> tuple[float, ...] | None:
    def split(whole: Split, known: bool) -> Split:
        logits, features, truth = whole
        chosen = (truth != left_out) == known
        others = truth[chosen]
        return np.delete(logits[chosen], left_out, 1), features[chosen], others - (others > left_out)

    fitted, known, unknown = split(validation, True), split(test, True), split(test, False)
    statistics = fit_features(fitted[1], fitted[2], fitted[0].argmax(1), fitted[0].shape[1])
    if statistics is None:
        return None
    scores = [softmax(logits, temperature).max(1) for logits, _, _ in (fitted, known, unknown)]
    distances = [statistics.distances(features, logits.argmax(1)) for logits, features, _ in (known, unknown)]
    limits = fit_limits(scores[0], statistics.fitted, coverage)
    rejected = [limits.unknown(s, d) for s, d in zip(scores[1:], distances, strict=True)]
    both = [joint((scores[0], s), (statistics.fitted, d)) for s, d in zip(scores[1:], distances, strict=True)]
    return (
        float(rejected[0].mean()),
        float(rejected[1].mean()),
        auroc(-scores[1], -scores[2]),
        auroc(distances[0], distances[1]),
        auroc(both[0], both[1]),
    )
