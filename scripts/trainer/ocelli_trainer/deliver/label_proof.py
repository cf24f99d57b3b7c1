"""Which pictures become the proof where labels are independent of one another.

Each label is shown once, then come the pictures with the least sure answers: near a threshold every step of a wrong
way shows. The surest label of a case must stand clear of the next: engines differ by rounding, and the first label
is compared, too.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ocelli_trainer.deliver.proof import HARDEST, PROBES, Candidate, Probabilities, margin

CLEAR = 2.0  # tolerances: two scores that are off by one each, in opposite directions, keep their order


def preferred(
    probabilities: Probabilities, thresholds: NDArray[np.float64], truth: NDArray[np.integer], typical: int, count: int
) -> list[int]:
    """Indices of up to `count` pictures: one of each label, one of the most labels, then the least sure ones."""
    doubt = np.abs(probabilities - thresholds).min(1)
    order = [int(i) for i in np.argsort(doubt, kind="stable")]
    chosen: list[int] = []
    for label in range(truth.shape[1])[: typical - HARDEST - 1]:
        mine = [i for i in order if truth[i, label] and i not in chosen]
        chosen += mine[len(mine) // 2 :][:1]
    fullest = max((i for i in order if i not in chosen), key=lambda i: int(truth[i].sum()), default=None)
    chosen += [] if fullest is None else [fullest]
    chosen += [i for i in order if i not in chosen]
    return chosen[:count]


def select(
    offered: Sequence[Candidate],
    expected: Probabilities,
    found: Sequence[Probabilities],
    count: int,
    tolerance: float,
) -> list[int]:
    """Which candidates become cases: those whose surest label stands firm within `tolerance`."""
    first, clear = expected.argmax(1), margin(expected) > CLEAR * tolerance
    agreed = [i for i in range(len(offered)) if clear[i] and all(f[i].argmax() == first[i] for f in found)]
    probes = [i for i in agreed if offered[i].probe][:PROBES]
    return [i for i in agreed if not offered[i].probe][: count - len(probes)] + probes
