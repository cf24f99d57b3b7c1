"""What a retraining gained and lost: the old network beside the new one on the same test pictures."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ocelli_trainer.fit import label_metrics, metrics
from ocelli_trainer.fit.evaluation import Scores
from ocelli_trainer.fit.label_calibration import PLAIN
from ocelli_trainer.measured import Metrics


def compare(old: Scores, new: Scores, labels: tuple[str, ...]) -> dict[str, Any]:
    """Both on the same test pictures; also how many each gets right that the other does not."""
    result: dict[str, Any] = {"test_pictures": len(new.truth)}
    for name, scores in (("old", old), ("new", new)):
        measured = _measure(scores, labels)
        result[name] = {
            "accuracy": measured.accuracy,
            "macro_f1": measured.macro_f1,
            "f1": {row.label: row.f1 for row in measured.per_class},
        }
    right = {name: _right(s) for name, s in (("old", old), ("new", new))}
    result["mended"] = int(np.sum(right["new"] & ~right["old"]))
    result["broken"] = int(np.sum(right["old"] & ~right["new"]))
    return result


def _measure(scores: Scores, labels: tuple[str, ...]) -> Metrics:
    """Before any calibration; of independent labels, each counts from 0.5 on."""
    if scores.independent:
        return label_metrics.measure(scores.logits, scores.truth, labels, 1.0, PLAIN)
    return metrics.measure(scores.logits, scores.truth, labels, 1.0)


def _right(scores: Scores) -> NDArray[np.bool_]:
    """Of each picture, whether its class, or all of its labels, are right."""
    if scores.independent:
        return np.asarray(((scores.logits >= 0) == (scores.truth == 1)).all(1))
    return np.asarray(scores.logits.argmax(1) == scores.truth)


def as_text(comparison: dict[str, Any]) -> str:
    old, new = comparison["old"], comparison["new"]
    lines = [
        f"old => new on the same {comparison['test_pictures']} test pictures: accuracy {old['accuracy']:.4f} =>"
        f" {new['accuracy']:.4f}, macro F1 {old['macro_f1']:.4f} => {new['macro_f1']:.4f},"
        f" {comparison['mended']} mended, {comparison['broken']} broken"
    ]
    lines += [f"  {label:<20} F1 {old['f1'][label]:.4f} => {new['f1'][label]:.4f}" for label in old["f1"]]
    return "\n".join(lines)
