"""Baselines: exact statistics, few false alarms, quick true ones."""

import math
from typing import Any

import numpy as np
import pytest

from ocelli_trainer.deliver import drift
from ocelli_trainer.fit.features import fit_features, log_mean_square
from ocelli_trainer.fit.metrics import softmax

CLASSES, WIDTH = 3, 8


def test_image_statistics_of_a_picture_worked_out_by_hand() -> None:
    picture = np.zeros((1, 3, 3, 3), np.uint8)
    picture[0, :, 2] = (100, 0, 50)
    found = {name: float(v[0]) for name, v in drift.image_statistics(picture).items()}
    luma = 0.299 * 100 + 0.114 * 50
    assert found["brightness"] == pytest.approx(luma / 3)
    assert found["contrast"] == pytest.approx(luma * math.sqrt(2) / 3)
    assert found["red_blue"] == pytest.approx(50 / 3)
    assert found["sharpness"] == 0  # one interior pixel has no variance


def test_sharpness_is_the_log_variance_of_the_laplacian() -> None:
    picture = np.zeros((1, 3, 4, 1), np.uint8)
    picture[0, 1, 1] = 10  # Laplacian -40 there and 10 to its right
    assert drift.image_statistics(picture)["sharpness"][0] == pytest.approx(math.log(1 + 25.0**2))


def test_normal_scores_follow_the_quantiles_and_go_on_beyond_them() -> None:
    knots = [float(v) for v in range(21)]
    scores = drift.normal_scores(np.array([10.0, 19.0, 1.0, 20.0, 25.0, 1e9]), knots, 1000)
    assert scores[:3] == pytest.approx([0, 1.6449, -1.6449], abs=1e-3)
    edge = scores[3]
    assert edge == pytest.approx(3.2905, abs=1e-3)
    assert scores[4] == pytest.approx(edge + 5 / 10) and scores[5] == pytest.approx(edge + 4)


def test_tied_quantiles_count_with_their_middle() -> None:
    knots = [0.0] + [1.0] * 20
    assert drift.normal_scores(np.array([1.0]), knots, 1000)[0] == pytest.approx(0.0627, abs=1e-3)


@pytest.fixture(scope="module")
def world() -> dict[str, np.ndarray]:
    """Noisy pictures of three classes, their logits and embeddings: 600 to fit, 20,000 to watch."""
    rng = np.random.default_rng(4)
    count = 20_600
    truth = rng.integers(0, CLASSES, count)
    light = rng.integers(60, 160, (count, 1, 1, 1))
    pictures = np.clip(light + rng.normal(0, 20, (count, 6, 6, 3)), 0, 255).astype(np.uint8)
    embedding = (np.eye(CLASSES, WIDTH)[truth] * 4 + rng.normal(0, 1, (count, WIDTH))).astype(np.float32)
    return {"pictures": pictures, "embedding": embedding, "logits": embedding[:, :CLASSES].copy()}


def first_alarm(section: dict[str, Any], world: dict[str, np.ndarray], frames: slice) -> dict[str, int]:
    """How the runtime watches: CUSUM with slack 0.5 per statistic, alarms counted and reset."""
    logits, embedding, pictures = (world[k][frames] for k in ("logits", "embedding", "pictures"))
    probabilities = softmax(logits, 1.0)
    means, deviation = (np.array(section["embedding"][k]) for k in ("class_means", "deviation"))
    values = {"score": probabilities.max(1)} | drift.image_statistics(pictures)
    predicted = probabilities.argmax(1)
    values["distance"] = log_mean_square((embedding - means[predicted]) / deviation)
    stats = section["image"] | {"score": section["score"], "distance": section["embedding"]["distance"]}
    alarms = {}
    for name, level in section["alarm"]["cusum"].items():
        high = low = 0.0
        alarms[name] = 0
        for z in drift.normal_scores(values[name], stats[name]["quantiles"], section["pictures"]):
            high, low = max(0.0, high + z - drift.SLACK), max(0.0, low - z - drift.SLACK)
            if max(high, low) > level:
                alarms[name] += 1
                high = low = 0.0
    return alarms


@pytest.fixture(scope="module")
def section(world: dict[str, np.ndarray]) -> dict[str, Any]:
    probabilities = softmax(world["logits"][:600], 1.0)
    predicted = probabilities.argmax(1)
    features = fit_features(world["embedding"][:600], predicted, predicted, CLASSES)
    assert features is not None
    return drift.baselines(world["pictures"][:600], probabilities, features, features.fitted)


def test_features_that_are_not_stored_raise_no_alarm(world: dict[str, np.ndarray]) -> None:
    found = drift.baselines(world["pictures"][:50], softmax(world["logits"][:50], 1.0), None, np.empty(0))
    assert found["embedding"] is None and "distance" not in found["alarm"]["cusum"]


def test_independent_frames_raise_hardly_an_alarm(section: dict[str, Any], world: dict[str, np.ndarray]) -> None:
    alarms = first_alarm(section, world, slice(600, None))
    assert sum(alarms.values()) <= 6  # budget 6/7 x 2 in 20,000 frames; the fit has but 600 pictures


def test_a_darker_camera_is_noticed_within_forty_frames(section: dict[str, Any], world: dict[str, np.ndarray]) -> None:
    darker = world | {"pictures": (world["pictures"] * 0.5).astype(np.uint8)}
    assert first_alarm(section, darker, slice(600, 640))["brightness"] >= 1


def test_the_prior_alarm_needs_a_real_change(section: dict[str, Any]) -> None:
    prior, threshold = np.array(section["prior"]), section["alarm"]["prior"]["threshold"]
    expected = drift.WINDOW * prior

    def chi(counts: np.ndarray) -> float:
        return float(((counts - expected) ** 2 / expected).sum())

    assert chi(np.array([64, 0, 0])) > threshold > chi(np.array([26, 20, 18]))
