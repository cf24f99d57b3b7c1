"""Measures checked against numbers worked out by hand."""

import math

import numpy as np
import pytest

from ocelli_trainer.fit import metrics
from ocelli_trainer.fit.calibrate import fit_temperature

LABELS = ("a", "b", "c")


def test_precision_recall_and_f1_per_class() -> None:
    matrix = metrics.confusion(np.array([0, 0, 0, 1, 1, 2]), np.array([0, 0, 1, 1, 1, 0]), 3)
    assert matrix.tolist() == [[2, 1, 0], [0, 2, 0], [1, 0, 0]]
    a, b, c = metrics.per_class(matrix, LABELS)
    assert (a.precision, a.recall, a.f1, a.support) == (0.666667, 0.666667, 0.666667, 3)
    assert (b.precision, b.recall, b.f1, b.support) == (0.666667, 1.0, 0.8, 2)
    assert (c.precision, c.recall, c.f1, c.support) == (0.0, 0.0, 0.0, 1)


def test_measure_of_a_small_split() -> None:
    logits = np.log(np.array([[0.7, 0.2, 0.1], [0.2, 0.5, 0.3], [0.6, 0.3, 0.1]], np.float64))
    found = metrics.measure(logits, np.array([0, 1, 2]), LABELS, 1.0)
    assert found.accuracy == 0.666667 and found.top5 == 1.0
    assert found.loss == pytest.approx(-(math.log(0.7) + math.log(0.5) + math.log(0.1)) / 3, rel=1e-5)
    assert found.ece == pytest.approx((0.3 + 0.5 + 0.6) / 3, rel=1e-5)


def test_top5_counts_the_fifth_but_not_the_sixth() -> None:
    logits = np.arange(6, 0, -1.0)[None].repeat(2, 0)
    assert metrics.measure(logits, np.array([4, 5]), tuple("abcdef"), 1.0).top5 == 0.5


def test_macro_f1_leaves_out_classes_without_pictures() -> None:
    logits = np.eye(3)[[0, 1]] * 9
    assert metrics.measure(logits, np.array([0, 1]), LABELS, 1.0).macro_f1 == 1.0


def test_softmax_survives_large_logits() -> None:
    assert metrics.softmax(np.array([[1e4, 0.0]])).tolist() == [[1.0, 0.0]]


def overconfident(count: int, share_right: float) -> tuple[np.ndarray, np.ndarray]:
    """Two classes at logit 6 apart (score 0.9975), of which `share_right` are right."""
    truth = (np.arange(count) >= count * share_right).astype(int)
    return np.tile([6.0, 0.0], (count, 1)), truth


def test_temperature_softens_overconfident_scores_to_their_accuracy() -> None:
    logits, truth = overconfident(200, 0.9)
    temperature = fit_temperature(logits, truth)
    assert metrics.softmax(logits, temperature)[0, 0] == pytest.approx(0.9, abs=0.005)


def test_slightly_low_scores_are_left_alone_and_plainly_low_ones_are_raised() -> None:
    logits, truth = overconfident(100, 1.0)
    slightly, plainly = logits * 0.5, logits / 6  # scores 0.953 and 0.731, all right
    assert fit_temperature(slightly, truth) == 1.0
    raised = metrics.softmax(plainly, fit_temperature(plainly, truth))[0, 0]
    assert raised == pytest.approx(1 - 0.5 / 102, abs=1e-3)  # short of certainty by the doubt of 100 pictures
