"""Measures and calibration of independent labels, checked against scikit-learn and against numbers worked out by hand."""

import numpy as np
import pytest
from sklearn import metrics as reference

from ocelli_trainer.fit import label_metrics
from ocelli_trainer.fit.label_calibration import calibrate, fit_temperature, fit_threshold

LABELS = ("a", "b", "c", "d")


def logits_and_truth(count: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """Scores of a tenth, so that many are equal; label d is never there."""
    rng = np.random.default_rng(1)
    truth = (rng.random((count, 4)) < (0.5, 0.2, 0.05, 0)).astype(np.int64)
    return np.round(2 * truth - 1 + rng.normal(0, 1.5, truth.shape), 1), truth


def test_measures_are_those_of_scikit_learn() -> None:
    logits, truth = logits_and_truth()
    thresholds = np.array([0.5, 0.4, 0.3, 0.5])
    found = label_metrics.measure(logits, truth, LABELS, 1.3, thresholds)
    probabilities = label_metrics.sigmoid(logits, 1.3)
    given = (probabilities >= thresholds).astype(int)
    p, r, f, support = reference.precision_recall_fscore_support(truth, given, zero_division=0.0)
    for i, row in enumerate(found.per_class):
        assert (row.precision, row.recall, row.f1) == pytest.approx((p[i], r[i], f[i]), abs=1e-6)
        assert row.support == support[i]
    each = [reference.average_precision_score(truth[:, i], probabilities[:, i]) for i in range(3)]
    assert [row.average_precision for row in found.per_class] == pytest.approx([*each, 0], abs=1e-6)
    assert found.mean_average_precision == pytest.approx(sum(each) / 4, abs=1e-6)
    assert found.macro_f1 == pytest.approx(f.mean(), abs=1e-6)
    assert found.micro_f1 == pytest.approx(reference.f1_score(truth, given, average="micro"), abs=1e-6)
    assert found.accuracy == pytest.approx(reference.accuracy_score(truth, given), abs=1e-6)
    losses = [reference.log_loss(truth[:, i], probabilities[:, i], labels=[0, 1]) for i in range(4)]
    assert found.loss == pytest.approx(np.mean(losses), rel=1e-5)
    assert found.top5 is None


def test_sigmoid_survives_large_logits() -> None:
    assert label_metrics.sigmoid(np.array([[1e4, -1e4, 0.0]])).tolist() == [[1.0, 0.0, 0.5]]


def test_calibration_error_of_two_bins_worked_out_by_hand() -> None:
    probabilities, truth = np.array([0.9, 0.9, 0.1, 0.1]), np.array([1, 0, 0, 0])
    assert label_metrics.calibration_error(probabilities, truth) == pytest.approx((0.4 + 0.1) / 2)


def test_temperature_softens_overconfident_scores_to_how_often_they_are_right() -> None:
    truth = np.repeat([1, 0, 0, 1], [90, 10, 90, 10])
    logits = np.repeat([6.0, -6.0], [100, 100])
    softened = label_metrics.sigmoid(logits, fit_temperature(logits, truth))
    assert softened[0] == pytest.approx(0.9, abs=0.01) and softened[-1] == pytest.approx(0.1, abs=0.01)


def test_slightly_low_scores_are_left_alone() -> None:
    truth = np.repeat([1, 0], [100, 100])
    assert fit_temperature(np.repeat([3.5, -3.5], [100, 100]), truth) == 1.0


def test_the_threshold_has_the_best_f1_and_stands_half_way() -> None:
    probabilities = np.array([0.02, 0.1, 0.2, 0.3, 0.4, 0.9])
    truth = np.array([0, 0, 0, 1, 1, 1])
    assert fit_threshold(probabilities, truth) == 0.25
    best = max(reference.f1_score(truth, probabilities >= t) for t in probabilities)
    assert reference.f1_score(truth, probabilities >= 0.25) == best == 1


def test_where_one_half_is_as_good_as_any_it_stays() -> None:
    assert fit_threshold(np.array([0.1, 0.2, 0.9, 0.99]), np.array([0, 0, 1, 1])) == 0.5


def test_thresholds_have_the_best_f1_of_all_wherever_they_may_stand() -> None:
    rng = np.random.default_rng(2)
    for _ in range(20):
        truth = (rng.random(60) < 0.2).astype(np.int64)
        probabilities = label_metrics.sigmoid(2 * truth - 1.5 + rng.normal(0, 1, 60))
        chosen = fit_threshold(probabilities, truth)
        allowed = [t for t in probabilities if 0.05 <= t <= 0.95]
        best = max(reference.f1_score(truth, probabilities >= t, zero_division=0.0) for t in allowed)
        assert 0.05 <= chosen <= 0.95
        assert reference.f1_score(truth, probabilities >= chosen, zero_division=0.0) >= best - 1e-12


def test_too_few_pictures_fit_nothing_and_are_named() -> None:
    logits, truth = logits_and_truth()
    truth[:, 2] = np.arange(400) < 9
    found = calibrate(logits, truth, LABELS)
    assert found.unfitted == ["c", "d"]
    assert found.temperatures[2:] == [1.0, 1.0] and found.thresholds[2:] == [0.5, 0.5]
    assert found.thresholds[1] != 0.5
