"""Splits pictures of several labels so that every part gets its share of each label, the rare ones first.

Iterative stratification: Sechidis, Tsoumakas and Vlahavas, On the Stratification of Multi-Label Data (2011). Of the
parts that lack a whole picture with a label the one that lacks most of all pictures gets the next, so that each part
has its share of every label to within one, and nearly its share of the pictures.
"""

from collections import defaultdict

import numpy as np

from ocelli_trainer.data.dataset import SPLITS, Ratios, Sample

LEAST = 3  # pictures with a label from which each part gets one
NONE = -1  # stands for the lack of all labels, which is shared out like one


def iterative(samples: tuple[Sample, ...], ratios: Ratios, seed: int) -> dict[str, tuple[Sample, ...]]:
    """Parts at the given ratios; copies of one file stay together, so that none leaks into another part."""
    groups = _groups(samples, seed)
    labels = [_labels(group) for group in groups]
    waiting: dict[int, set[int]] = defaultdict(set)  # label => numbers of the groups that have it
    for number, having in enumerate(labels):
        for label in having:
            waiting[label].add(number)
    open_parts = [k for k, ratio in zip(SPLITS, ratios, strict=True) if ratio > 0]
    share = dict(zip(SPLITS, ratios, strict=True))
    room = {k: share[k] * len(samples) for k in open_parts}
    wanted = {label: _wanted(len(numbers), open_parts, share) for label, numbers in waiting.items()}
    parts: dict[str, list[Sample]] = {k: [] for k in SPLITS}
    while waiting:
        rarest = min(waiting, key=lambda label: (len(waiting[label]), label))
        for number in sorted(waiting[rarest]):
            part = max(open_parts, key=lambda k: (min(wanted[rarest][k], 1), room[k] / share[k]))
            parts[part] += groups[number]
            room[part] -= len(groups[number])
            for label in labels[number]:
                wanted[label][part] -= 1
                waiting[label].discard(number)
        waiting = {label: numbers for label, numbers in waiting.items() if numbers}
    return {k: tuple(sorted(part, key=lambda s: s.path)) for k, part in parts.items()}


def _groups(samples: tuple[Sample, ...], seed: int) -> list[list[Sample]]:
    """Copies of one file together; in an order of the seed's."""
    groups: dict[str, list[Sample]] = defaultdict(list)
    for sample in sorted(samples, key=lambda s: s.path):
        groups[sample.digest()].append(sample)
    found = list(groups.values())
    return [found[i] for i in np.random.default_rng(seed).permutation(len(found))]


def _labels(group: list[Sample]) -> set[int]:
    return {label for sample in group for label in sample.labels} or {NONE}


def _wanted(count: int, parts: list[str], share: dict[str, float]) -> dict[str, float]:
    """How many groups with a label each part should get: its share, and one at the least where there are enough."""
    wanted = {k: max(share[k] * count, 1.0 if count >= LEAST else 0.0) for k in parts}
    wanted["train"] = count - sum(n for k, n in wanted.items() if k != "train")
    return wanted
