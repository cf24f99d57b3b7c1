"""Turns each independent label's raw score into an honest probability, and finds from which one the label counts.

A temperature and a threshold per label, both fitted on the validation split and measured on the test split. Where too
few pictures there speak for it or against it, nothing is fitted, which is said.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ocelli_trainer.errors import warn
from ocelli_trainer.fit.calibrate import TEMPERATURES, TOO_LOW
from ocelli_trainer.fit.label_metrics import Floats, binary_cross_entropy, sigmoid
from ocelli_trainer.manifest import significant

FEW = 10  # validation pictures with a label, or without it, below which nothing is fitted
PLAIN = 0.5  # the threshold then: the more likely half
LEAST_THRESHOLD, LARGEST_THRESHOLD = 0.05, 0.95  # beyond lies what a small split cannot tell


@dataclass(frozen=True)
class LabelCalibration:
    """In the labels' order."""

    temperatures: list[float]
    thresholds: list[float]
    unfitted: list[str]  # labels with temperature 1 and threshold 0.5 for want of pictures


def calibrate(logits: NDArray[np.floating], truth: NDArray[np.integer], labels: tuple[str, ...]) -> LabelCalibration:
    temperatures, thresholds, unfitted = [], [], []
    for label, z, y in zip(labels, logits.T, truth.T, strict=True):
        if min(y.sum(), (1 - y).sum()) < FEW:
            unfitted.append(label)
            temperatures.append(1.0)
            thresholds.append(PLAIN)
            continue
        temperature = fit_temperature(z, y)
        if temperature == significant(float(TEMPERATURES[-1]), 4):
            warn(f"the fitted temperature of {label!r} is at its upper bound {temperature:g}: it is hardly learnt")
        temperatures.append(temperature)
        thresholds.append(fit_threshold(sigmoid(z, temperature), y))
    return LabelCalibration(temperatures, thresholds, unfitted)


def fit_temperature(logits: NDArray[np.floating], truth: NDArray[np.integer]) -> float:
    """The temperature with the least binary cross-entropy, on calibrate.py's grid and by its rule for sharper scores.

    The truth counts for a little less than 1 and more than 0 (Platt 1999), so that a small split without a mistake does
    not ask for certainty.
    """
    with_it, without = int(truth.sum()), int((1 - truth).sum())
    doubted = np.where(truth == 1, (with_it + 1) / (with_it + 2), 1 / (without + 2))
    sure = np.abs(sigmoid(logits) - 0.5).mean() + 0.5
    accuracy = ((logits > 0) == (truth == 1)).mean()
    grid = TEMPERATURES if accuracy - sure > TOO_LOW else TEMPERATURES[TEMPERATURES >= 1]
    losses = [float(binary_cross_entropy(logits, doubted, float(t)).mean()) for t in grid]
    return significant(float(grid[int(np.argmin(losses))]), 4)


def fit_threshold(probabilities: Floats, truth: NDArray[np.integer]) -> float:
    """The threshold with the best F1: 0.5 or half-way between two probabilities; of equals the nearest to 0.5."""
    order = np.argsort(probabilities, kind="stable")
    ranked, found_below = probabilities[order], np.append(0, np.cumsum(truth[order]))
    levels = np.unique(ranked)
    cuts = np.clip((np.append(0.0, levels[:-1]) + levels) / 2, LEAST_THRESHOLD, LARGEST_THRESHOLD)
    cuts = np.append(PLAIN, cuts[np.argsort(np.abs(cuts - PLAIN), kind="stable")])
    below = np.searchsorted(ranked, cuts, "left")
    there = int(truth.sum())
    f1 = 2 * (there - found_below[below]) / np.maximum(len(ranked) - below + there, 1)
    chosen = float(cuts[int(np.argmax(f1))])
    rounded = significant(chosen, 4)
    return rounded if np.searchsorted(ranked, rounded) == np.searchsorted(ranked, chosen) else chosen
