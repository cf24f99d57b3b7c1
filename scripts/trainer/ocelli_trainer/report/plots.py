"""Learning curves, and confusion matrix or precision over recall, as PNG, for the report and for the run folder."""

import io
from typing import Any

import matplotlib
import numpy as np

matplotlib.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

NAMED_CURVES = 10  # beyond which colours come twice
NAMED_CLASSES = 30  # beyond which a matrix has no room for names and numbers


def curves(history: list[dict[str, float]]) -> Figure:
    figure, (loss, accuracy) = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
    epochs = [row["epoch"] for row in history]
    for axis, kind in ((loss, "loss"), (accuracy, "accuracy")):
        axis.plot(epochs, [row[f"train_{kind}"] for row in history], label="train")
        axis.plot(epochs, [row[f"val_{kind}"] for row in history], label="validation")
        axis.set_xlabel("epoch")
        axis.set_title(kind)
        axis.grid(alpha=0.3)
        axis.legend()
    return figure


def confusion(matrix: list[list[int]], labels: list[str]) -> Figure:
    values = np.array(matrix)
    shares = values / np.maximum(values.sum(1, keepdims=True), 1)
    side = min(10.0, max(3.5, 0.45 * len(labels)))
    figure, axis = plt.subplots(figsize=(side + 1, side), layout="constrained")
    axis.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axis.set_xlabel("predicted")
    axis.set_ylabel("truth")
    if len(labels) <= NAMED_CLASSES:
        plain = [label.replace("$", r"\$") for label in labels]  # a dollar would start mathematics
        axis.set_xticks(range(len(labels)), plain, rotation=45, ha="right")
        axis.set_yticks(range(len(labels)), plain)
        for (row, column), count in np.ndenumerate(values):
            colour = "white" if shares[row, column] > 0.5 else "black"
            axis.text(column, row, str(count), ha="center", va="center", fontsize=8, color=colour)
    return figure


def precision_recall(labels: list[dict[str, Any]]) -> Figure:
    """A curve for each label, the worst first where there are too many, with a dot where its threshold stands."""
    figure, axis = plt.subplots(figsize=(6.5, 4.5), layout="constrained")
    for found in sorted(labels, key=lambda one: float(one["average_precision"]))[:NAMED_CURVES]:
        name = found["label"].replace("$", r"\$")  # a dollar would start mathematics
        (line,) = axis.step(*found["curve"], where="pre", label=f"{name} {found['average_precision']:.3f}")
        axis.plot(found["recall"], found["precision"], "o", color=line.get_color())
    axis.set_xlabel("recall")
    axis.set_ylabel("precision")
    axis.set_xlim(0, 1.02)
    axis.set_ylim(0, 1.02)
    axis.grid(alpha=0.3)
    axis.legend(title="average precision", fontsize=8)
    return figure


def png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    plt.close(figure)
    return buffer.getvalue()


def all_plots(history: list[dict[str, float]], found: dict[str, Any]) -> dict[str, bytes]:
    import warnings

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")  # a label in a script the font lacks is drawn as boxes
        drawn = {"curves": png(curves(history))}
        if "per_label" in found:
            return drawn | {"precision-recall": png(precision_recall(found["per_label"]))}
        return drawn | {"confusion": png(confusion(found["confusion"], found["labels"]))}
