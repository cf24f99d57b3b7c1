"""What the test split shows of a run, as evaluation.json keeps it and the report's page shows it."""

from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ocelli_trainer.data.dataset import Dataset
from ocelli_trainer.fit import metrics
from ocelli_trainer.fit.evaluation import Evaluation, Scores
from ocelli_trainer.manifest import as_written

WORST = 24  # pictures listed as worst


def summarise(evaluation: Evaluation, test: Scores, dataset: Dataset) -> dict[str, Any]:
    return {
        "test_pictures": len(test.truth),
        "metrics": as_written(evaluation.metrics),
        "temperature": evaluation.temperature,
        "ece_uncalibrated": evaluation.ece_uncalibrated,
        "rejection": asdict(evaluation.rejection),
        "labels": list(dataset.labels),
        "confusion": evaluation.confusion.tolist(),
        "most_confused": most_confused(evaluation.confusion, dataset.labels),
        "worst": worst_pictures(test, dataset, evaluation.temperature),
    }


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
