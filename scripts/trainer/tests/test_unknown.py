"""When the answer is "unknown": limits that keep their promise, and measures that are scikit-learn's."""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from ocelli_trainer.fit.features import MAX_MEANS, fit_features, log_mean_square
from ocelli_trainer.fit.leave_out import auroc, joint, leave_one_class_out
from ocelli_trainer.fit.rejection import LARGEST_THRESHOLD, fit_limits, fit_rejection

CLASSES, WIDTH = 4, 12
FIXTURE = Path(__file__).parents[3] / "tests" / "golden" / "unknown.json"


def world(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Logits, features and classes of noisy clusters; a few are taken for another class."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, CLASSES, count)
    features = np.eye(CLASSES, WIDTH)[truth] * 2 + rng.normal(0, 1, (count, WIDTH)) * np.linspace(0.5, 2, WIDTH)
    return features[:, :CLASSES] * 1.5, features.astype(np.float32), truth


def test_a_pictures_own_part_is_taken_out_as_if_all_were_fitted_without_it() -> None:
    logits, features, truth = world(60)
    predicted = logits.argmax(1)
    assert (predicted != truth).any()
    found = fit_features(features, truth, predicted, CLASSES)
    assert found is not None
    for i in range(len(truth)):
        others = np.arange(len(truth)) != i
        without = fit_features(features[others], truth[others], predicted[others], CLASSES)
        assert without is not None
        assert without.distances(features[i : i + 1], predicted[i : i + 1])[0] == pytest.approx(found.fitted[i])


def test_features_too_many_to_store_are_left_out_and_said(capsys: pytest.CaptureFixture[str]) -> None:
    classes = MAX_MEANS // WIDTH + 1
    assert fit_features(np.zeros((3, WIDTH)), np.arange(3), np.arange(3), classes) is None
    assert "features are too many to store" in capsys.readouterr().err


def test_distances_are_logarithms_of_the_mean_square() -> None:
    assert log_mean_square(np.array([[3.0, 4.0], [0.0, 0.0]])) == pytest.approx([np.log(12.5), np.log(1e-9)])


@pytest.mark.parametrize("count", [200, 1000])
def test_both_limits_together_turn_away_what_was_asked_for(count: int) -> None:
    shares = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        scores, distances = rng.uniform(0, 0.8, (2, count))
        limits = fit_limits(scores, distances, 0.95)
        shares.append(limits.unknown(*rng.uniform(0, 0.8, (2, 4000))).mean())
    assert np.mean(shares) == pytest.approx(0.05, abs=0.006)


def test_limits_of_the_score_alone_stand_at_the_rank_asked_for() -> None:
    scores = np.arange(1, 101) / 200
    limits = fit_limits(scores, None, 0.95)  # 5 of 101 ranks
    assert limits.threshold == scores[4] and limits.distance is None
    assert limits.unknown(scores, None).sum() == 4
    assert fit_limits(np.full(100, 0.99), None, 0.95).threshold == LARGEST_THRESHOLD


def test_too_few_pictures_turn_nothing_of_their_own_away_and_it_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    scores = np.array([0.5, 0.6, 0.7])
    assert not fit_limits(scores, -scores, 0.98).unknown(scores, -scores).any()
    assert "3 validation pictures cannot show a coverage of 0.98: 49 are needed" in capsys.readouterr().err


def test_rejection_is_fitted_on_the_validation_split_and_measured_on_the_test_split() -> None:
    validation, test = world(800, 1), world(4000, 2)
    found = fit_rejection(validation, test, 1.0, 0.95)
    assert found.features is not None and found.rejection.distance is not None
    assert found.rejection.coverage == pytest.approx(0.95, abs=0.015)
    kept = (test[0].argmax(1) == test[2]).mean()
    assert found.rejection.accuracy > kept


def test_the_area_is_that_of_scikit_learn() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(3)
    known, unknown = rng.integers(0, 12, 300) / 10, rng.integers(3, 16, 100) / 10
    truth = np.r_[np.zeros(300), np.ones(100)]
    assert auroc(known, unknown) == pytest.approx(metrics.roc_auc_score(truth, np.r_[known, unknown]))


def test_the_joint_rank_is_the_less_usual_of_the_two() -> None:
    scores, distances = np.array([0.2, 0.4, 0.6, 0.8]), np.array([1.0, 2.0, 3.0, 4.0])
    found = joint((scores, np.array([0.1, 0.5, 0.9])), (distances, np.array([0.0, 3.5, 5.0])))
    assert found.tolist() == [0.0, -0.25, 0.0]


def test_a_class_left_out_is_told_by_its_features_where_scores_do_not() -> None:
    validation, test = world(600, 4), world(2000, 5)
    found = leave_one_class_out(validation, test, 1.0, 0.95)
    assert found is not None
    assert found.false_unknown == pytest.approx(0.05, abs=0.015)
    assert found.auroc >= max(found.auroc_score, found.auroc_distance) - 0.01
    assert all(0 <= v <= 1 for v in asdict(found).values())


def test_two_classes_leave_nothing_to_leave_out() -> None:
    logits, features, truth = world(50)
    chosen = truth < 2
    split = logits[chosen][:, :2], features[chosen], truth[chosen]
    assert leave_one_class_out(split, split, 1.0, 0.9) is None


def test_the_runtime_fits_the_same() -> None:
    """The numbers that `calibrate` in Rust is tested with."""
    stated = json.loads(FIXTURE.read_text("utf-8"))
    assert stated == golden()


def golden() -> dict[str, object]:
    from ocelli_trainer.fit.calibrate import fit_temperature
    from ocelli_trainer.fit.metrics import expected_calibration_error, softmax
    from ocelli_trainer.manifest import significant

    logits, features, truth = world(160, 6)
    logits = np.round(logits * 5, 3)
    features = np.round(features.astype(np.float64), 3)
    temperature = fit_temperature(logits, truth)
    probabilities = softmax(logits, temperature)
    found = fit_features(features, truth, logits.argmax(1), CLASSES)
    assert found is not None
    limits = fit_limits(probabilities.max(1), found.fitted, 0.95)
    means, deviation = found.rounded()
    return {
        "coverage": 0.95,
        "logits": logits.tolist(),
        "features": features.tolist(),
        "classes": truth.tolist(),
        "temperature": temperature,
        "ece": significant(expected_calibration_error(probabilities, truth)),
        "distances": [significant(float(d)) for d in found.fitted],
        "class_means": means,
        "deviation": deviation,
        "threshold": limits.threshold,
        "distance": limits.distance,
    }
