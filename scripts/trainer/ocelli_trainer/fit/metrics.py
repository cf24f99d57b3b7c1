"""The field's standard measures of a classifier, from logits or probabilities and true labels, in numpy."""

import numpy as np
from numpy.typing import NDArray

from ocelli_trainer.manifest import significant
from ocelli_trainer.measured import ClassMetrics, Metrics

ECE_BINS = 15  # Guo et al. 2017, On Calibration of Modern Neural Networks


def log_softmax(logits: NDArray[np.floating], temperature: float = 1.0) -> NDArray[np.float64]:
    """[N, C] logits => [N, C] log-probabilities, in float64 and safe against overflow."""
    z = logits.astype(np.float64) / temperature
    z -= z.max(1, keepdims=True)
    return np.asarray(z - np.log(np.exp(z).sum(1, keepdims=True)))


def softmax(logits: NDArray[np.floating], temperature: float = 1.0) -> NDArray[np.float64]:
    return np.exp(log_softmax(logits, temperature))


def cross_entropy(logits: NDArray[np.floating], truth: NDArray[np.integer], temperature: float = 1.0) -> float:
    return -float(log_softmax(logits, temperature)[np.arange(len(truth)), truth].mean())


def confusion(truth: NDArray[np.integer], predicted: NDArray[np.integer], classes: int) -> NDArray[np.int64]:
    """Rows: true class, columns: predicted class."""
    matrix = np.zeros((classes, classes), np.int64)
    np.add.at(matrix, (truth, predicted), 1)
    return matrix


def expected_calibration_error(probabilities: NDArray[np.float64], truth: NDArray[np.integer]) -> float:
    """Mean gap between confidence and accuracy over equal-width bins of the top-1 probability."""
    top, right = probabilities.max(1), probabilities.argmax(1) == truth
    bins = np.minimum((top * ECE_BINS).astype(int), ECE_BINS - 1)
    gaps = [abs(right[bins == b].mean() - top[bins == b].mean()) * (bins == b).mean() for b in np.unique(bins)]
    return float(sum(gaps))


def per_class(matrix: NDArray[np.int64], labels: tuple[str, ...]) -> list[ClassMetrics]:
    """Precision, recall and F1 of each class; 0 where nothing was predicted or nothing was there."""
    hits, predicted, support = matrix.diagonal(), matrix.sum(0), matrix.sum(1)
    rows = []
    for i, label in enumerate(labels):
        precision = hits[i] / predicted[i] if predicted[i] else 0.0
        recall = hits[i] / support[i] if support[i] else 0.0
        f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
        p, r, f = (significant(float(v)) for v in (precision, recall, f1))
        rows.append(ClassMetrics(label, p, r, f, int(support[i])))
    return rows


def measure(
    logits: NDArray[np.floating], truth: NDArray[np.integer], labels: tuple[str, ...], temperature: float
) -> Metrics:
    """Everything at once, at the given temperature (which changes loss and ECE only)."""
    probabilities = softmax(logits, temperature)
    rows = per_class(confusion(truth, probabilities.argmax(1), len(labels)), labels)
    ranked = np.argsort(-probabilities, axis=1, kind="stable")
    return Metrics(
        accuracy=significant(float((ranked[:, 0] == truth).mean())),
        top5=significant(float((ranked[:, :5] == truth[:, None]).any(1).mean())),
        loss=significant(cross_entropy(logits, truth, temperature)),
        macro_f1=significant(float(np.mean([r.f1 for r in rows if r.support]))),
        ece=significant(expected_calibration_error(probabilities, truth)),
        per_class=rows,
    )
