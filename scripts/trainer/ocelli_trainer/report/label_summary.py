"""What the test split shows of a run with independent labels, for evaluation.json and the report's page."""

from dataclasses import asdict
from typing import Any

import numpy as np

from ocelli_trainer.data.dataset import Dataset
from ocelli_trainer.fit import label_metrics
from ocelli_trainer.fit.evaluation import Scores
from ocelli_trainer.fit.label_evaluation import LabelEvaluation
from ocelli_trainer.report.summary import WORST

CURVE_POINTS = 100  # of a label's precision over recall
NONE = "none"  # where a picture has no label


def summarise_labels(evaluation: LabelEvaluation, test: Scores, dataset: Dataset) -> dict[str, Any]:
    return {
        "test_pictures": len(test.truth),
        "metrics": asdict(evaluation.metrics),
        "ece_uncalibrated": evaluation.ece_uncalibrated,
        "labels": list(dataset.labels),
        "per_label": _per_label(evaluation, test),
        "worst": worst_pictures(evaluation, test, dataset),
    }


def _per_label(evaluation: LabelEvaluation, test: Scores) -> list[dict[str, Any]]:
    """Each label's measures and calibration, how it was mistaken, and its curve of precision over recall."""
    probabilities, given, there = (
        evaluation.probabilities(test.logits),
        evaluation.answers(test.logits),
        test.truth == 1,
    )
    rows = []
    for i, row in enumerate(evaluation.metrics.per_class):
        precision, recall = label_metrics.precision_recall(probabilities[:, i], test.truth[:, i])
        chosen = np.unique(np.linspace(0, len(recall) - 1, min(CURVE_POINTS, len(recall))).round().astype(int))
        rows.append(
            asdict(row)
            | {
                "temperature": float(evaluation.temperatures[i]),
                "threshold": float(evaluation.thresholds[i]),
                "fitted": row.label not in evaluation.unfitted,
                "false_alarms": int((given[:, i] & ~there[:, i]).sum()),
                "missed": int((~given[:, i] & there[:, i]).sum()),
                "curve": [np.round(values[chosen], 4).tolist() for values in (recall, precision)],
            }
        )
    return rows


def worst_pictures(evaluation: LabelEvaluation, test: Scores, dataset: Dataset) -> list[dict[str, Any]]:
    """The test pictures with the least probability for what is true of one of their labels."""
    probabilities, given = evaluation.probabilities(test.logits), evaluation.answers(test.logits)
    of_truth = np.where(test.truth == 1, probabilities, 1 - probabilities)
    least = of_truth.min(1)

    def words(having: np.ndarray) -> str:
        return ", ".join(dataset.labels[i] for i in np.flatnonzero(having)) or NONE

    return [
        {
            "file": str(dataset.splits["test"][i].path),
            "truth": words(test.truth[i]),
            "predicted": words(given[i]),
            "doubted": dataset.labels[int(of_truth[i].argmin())],
            "score": round(float(probabilities[i, of_truth[i].argmin()]), 4),
            "of_truth": round(float(least[i]), 4),
        }
        for i in np.argsort(least, kind="stable")[:WORST]
    ]
