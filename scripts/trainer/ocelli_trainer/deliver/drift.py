"""Drift baselines: what the world looked like in training, small enough to travel inside the model.

The runtime turns each value of a frame into a normal score by the quantiles stored here and runs a two-sided
CUSUM over it; thresholds are set here so that all detectors together raise `PER_10000` false alarms in 10,000
INDEPENDENT frames. Which statistics, and why no others, was measured: class-mean Mahalanobis distance with a
shared diagonal, brightness, contrast, sharpness and red-blue detect most shifts within 20 frames.
"""

import math
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ocelli_trainer.fit.features import ClassFeatures
from ocelli_trainer.manifest import significant

Array = NDArray[np.float64]

PER_10000 = 1.0
SLACK = 0.5  # CUSUM's allowance in standard deviations: half of the smallest shift worth an alarm
WINDOW = 64  # predicted classes in the prior test
QUANTILES = np.linspace(0, 1, 21)
LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601
HORIZON = 10_000  # frames of one simulated stream
STREAMS = 400
IMAGE_STATISTICS = ("brightness", "contrast", "sharpness", "red_blue")


def image_statistics(pictures: NDArray[np.uint8]) -> dict[str, Array]:
    """Of NHWC 8-bit pictures at model size, before normalisation; units are grey levels of 255 (sharpness: log)."""
    values = pictures.astype(np.float64)
    luma = values @ LUMA if values.shape[3] == 3 else values[..., 0]
    laplacian = (
        luma[:, :-2, 1:-1] + luma[:, 2:, 1:-1] + luma[:, 1:-1, :-2] + luma[:, 1:-1, 2:] - 4 * luma[:, 1:-1, 1:-1]
    )
    means = values.mean((1, 2))
    return {
        "brightness": luma.mean((1, 2)),
        "contrast": luma.std((1, 2)),
        "sharpness": np.log1p(laplacian.var((1, 2))),
        "red_blue": means[:, 0] - means[:, -1],
    }


def statistic(values: Array) -> dict[str, Any]:
    return {
        "mean": significant(float(values.mean())),
        "deviation": significant(float(values.std())),
        "quantiles": [significant(float(q)) for q in np.quantile(values, QUANTILES)],
    }


def normal_scores(values: Array, quantiles: list[float], pictures: int) -> Array:
    """Each value's place among the stored quantiles as a standard normal score, with tails that go on rising.

    Tied knots count with the middle of their range; beyond the ends up to 4 interquartile ranges are added.
    """
    knots = np.asarray(quantiles, np.float64)
    from_left = np.interp(values, knots + np.arange(21) * 1e-12, QUANTILES)
    from_right = np.interp(values, knots - np.arange(21)[::-1] * 1e-12, QUANTILES)
    share = np.clip((from_left + from_right) / 2, 0.5 / pictures, 1 - 0.5 / pictures)
    normal = NormalDist()
    scores = np.array([normal.inv_cdf(float(p)) for p in share])
    spread = max(knots[15] - knots[5], 1e-9)
    above, below = np.clip((values - knots[-1]) / spread, 0, 4), np.clip((knots[0] - values) / spread, 0, 4)
    result: Array = scores + above - below
    return result


def cusum_thresholds(scores: dict[str, Array], budget: float, rng: np.random.Generator) -> dict[str, float]:
    """The level that a CUSUM of resampled in-distribution scores passes with rate `budget` in HORIZON frames."""
    table = np.stack(list(scores.values()), 1)
    high = np.zeros((STREAMS, table.shape[1]))
    low, peak = high.copy(), high.copy()
    for _ in range(HORIZON):
        z = table[rng.integers(0, len(table), STREAMS)]
        high = np.maximum(0, high + z - SLACK)
        low = np.maximum(0, low - z - SLACK)
        peak = np.maximum(peak, np.maximum(high, low))
    levels = np.quantile(peak, math.exp(-budget), axis=0)  # P(no alarm) = exp(-rate)
    return {name: significant(float(h), 4) for name, h in zip(scores, levels, strict=True)}


def prior_threshold(prior: Array, budget: float, rng: np.random.Generator) -> float:
    """The same for Pearson's chi-squared of the last WINDOW predicted classes against the prior."""
    drawn = rng.choice(len(prior), (STREAMS, HORIZON), p=prior)
    expected, rows = WINDOW * prior, np.arange(STREAMS)
    counts = np.stack([np.bincount(r[:WINDOW], minlength=len(prior)) for r in drawn]).astype(np.float64)
    chi = ((counts - expected) ** 2 / expected).sum(1)
    peak = chi.copy()
    for t in range(WINDOW, HORIZON):
        for label, step in ((drawn[:, t], 1), (drawn[:, t - WINDOW], -1)):
            gap = counts[rows, label] - expected[label]
            chi += (2 * step * gap + 1) / expected[label]  # (gap + step)^2 - gap^2
            counts[rows, label] += step
        peak = np.maximum(peak, chi)
    return significant(float(np.quantile(peak, math.exp(-budget))), 4)


def baselines(
    pictures: NDArray[np.uint8], probabilities: Array, features: ClassFeatures | None, distances: Array
) -> dict[str, Any]:
    """The manifest's `drift` section from held-out pictures and what the shipped graph says of them."""
    rng = np.random.default_rng(0)
    predicted, classes, count = probabilities.argmax(1), probabilities.shape[1], len(probabilities)
    prior = (np.bincount(predicted, minlength=classes) + 0.5) / (count + 0.5 * classes)
    values = {"score": probabilities.max(1)} | image_statistics(pictures)
    section = None
    if features is not None:
        means, deviation = features.rounded()
        values["distance"] = distances
        section = {"class_means": means, "deviation": deviation, "distance": statistic(distances)}
    stats = {name: statistic(v) for name, v in values.items()}
    scores = {name: normal_scores(v, stats[name]["quantiles"], count) for name, v in values.items()}
    budget = PER_10000 / (len(scores) + 1)  # the prior test takes a share too
    return {
        "pictures": count,
        "prior": [significant(float(p)) for p in prior],
        "score": stats["score"],
        "image": {name: stats[name] for name in IMAGE_STATISTICS},
        "embedding": section,
        "alarm": {
            "per_10000": PER_10000,
            "cusum": cusum_thresholds(scores, budget, rng),
            "prior": {"window": WINDOW, "threshold": prior_threshold(prior, budget, rng)},
        },
    }
