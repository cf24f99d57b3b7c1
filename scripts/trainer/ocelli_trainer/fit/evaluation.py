"""What a graph says of a split, and the findings drawn from it. Needs numpy only."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ocelli_trainer.data.dataset import Dataset
from ocelli_trainer.fit import metrics
from ocelli_trainer.fit.calibrate import fit_rejection, fit_temperature
from ocelli_trainer.manifest import Metrics, Rejection

WORST = 24  # pictures listed as worst


@dataclass(frozen=True)
class Scores:
    logits: NDArray[np.float32]  # [N, C]
    embedding: NDArray[np.float32]  # [N, D]
    truth: NDArray[np.int64]  # [N]


@dataclass(frozen=True)
class Evaluation:
    """The findings on the test split, with temperature and threshold fitted on the validation split."""

    metrics: Metrics
    temperature: float
    rejection: Rejection
    ece_uncalibrated: float
    confusion: NDArray[np.int64]  # rows: truth


def judge(validation: Scores, test: Scores, labels: tuple[str, ...], coverage: float) -> Evaluation:
    temperature = fit_temperature(validation.logits, validation.truth)
    predicted = test.logits.argmax(1)
    return Evaluation(
        metrics=metrics.measure(test.logits, test.truth, labels, temperature),
        temperature=temperature,
        rejection=fit_rejection(validation.logits, test.logits, test.truth, temperature, coverage),
        ece_uncalibrated=metrics.expected_calibration_error(metrics.softmax(test.logits), test.truth),
        confusion=metrics.confusion(test.truth, predicted, len(labels)),
    )


def worst_pictures(test: Scores, dataset: Dataset, temperature: float) -> list[dict[str, Any]]:
    """The test pictures with the least probability for their true class, wrong ones first by nature."""
    probabilities = metrics.softmax(test.logits, temperature)
    of_truth = probabilities[np.arange(len(test.truth)), test.truth]
    samples = dataset.splits["test"]
    return [
        {
            "file": str(samples[i].path),
            "truth": dataset.labels[test.truth[i]],
            "predicted": dataset.labels[int(probabilities[i].argmax())],
            "score": round(float(probabilities[i].max()), 4),
            "of_truth": round(float(of_truth[i]), 4),
        }
        for i in np.argsort(of_truth, kind="stable")[:WORST]
    ]


def most_confused(matrix: NDArray[np.int64], labels: tuple[str, ...], count: int = 10) -> list[dict[str, Any]]:
    off = matrix.copy()
    np.fill_diagonal(off, 0)
    order = np.argsort(-off, axis=None, kind="stable")[:count]
    pairs = [divmod(int(i), len(labels)) for i in order]
    return [{"truth": labels[a], "predicted": labels[b], "count": int(off[a, b])} for a, b in pairs if off[a, b]]


def as_json(evaluation: Evaluation, test: Scores, dataset: Dataset) -> dict[str, Any]:
    return {
        "test_pictures": len(test.truth),
        "metrics": asdict(evaluation.metrics),
        "temperature": evaluation.temperature,
        "ece_uncalibrated": evaluation.ece_uncalibrated,
        "rejection": asdict(evaluation.rejection),
        "labels": list(dataset.labels),
        "confusion": evaluation.confusion.tolist(),
        "most_confused": most_confused(evaluation.confusion, dataset.labels),
        "worst": worst_pictures(test, dataset, evaluation.temperature),
    }
