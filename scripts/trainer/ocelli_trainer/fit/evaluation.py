"""What a graph says of a split, and the findings drawn from it. Needs numpy only."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ocelli_trainer.fit import metrics
from ocelli_trainer.fit.calibrate import fit_rejection, fit_temperature
from ocelli_trainer.fit.label_evaluation import LabelEvaluation, evaluate_labels
from ocelli_trainer.manifest import Metrics, Output, Rejection


@dataclass(frozen=True)
class Scores:
    logits: NDArray[np.float32]  # [N, C]
    embedding: NDArray[np.float32]  # [N, D]
    truth: NDArray[np.int64]  # [N] classes, or [N, C] of 0 and 1 where labels are independent of one another

    @property
    def independent(self) -> bool:
        return self.truth.ndim == 2


@dataclass(frozen=True)
class Evaluation:
    """The findings on the test split, with temperature and threshold fitted on the validation split."""

    metrics: Metrics
    temperature: float
    rejection: Rejection
    ece_uncalibrated: float
    confusion: NDArray[np.int64]  # rows: truth

    def probabilities(self, logits: NDArray[np.floating]) -> NDArray[np.float64]:
        return metrics.softmax(logits, self.temperature)

    @property
    def headline(self) -> str:
        return f"accuracy {self.metrics.accuracy:.4f}"

    def output(self) -> Output:
        return Output("logits", "logits", self.temperature, None, "embedding")

    def __str__(self) -> str:
        measured, rejection = self.metrics, self.rejection
        return (
            f"accuracy {measured.accuracy:.4f}, macro F1 {measured.macro_f1:.4f},"
            f" ECE {self.ece_uncalibrated:.4f} => {measured.ece:.4f} at temperature {self.temperature:g};"
            f" below {rejection.threshold:g} unknown: {100 * rejection.coverage:.1f} % kept,"
            f" {100 * rejection.accuracy:.1f} % of them right"
        )


AnyEvaluation = Evaluation | LabelEvaluation


def evaluate(validation: Scores, test: Scores, labels: tuple[str, ...], coverage: float) -> AnyEvaluation:
    if test.independent:
        return evaluate_labels(validation.logits, validation.truth, test.logits, test.truth, labels)
    temperature = fit_temperature(validation.logits, validation.truth)
    predicted = test.logits.argmax(1)
    return Evaluation(
        metrics=metrics.measure(test.logits, test.truth, labels, temperature),
        temperature=temperature,
        rejection=fit_rejection(validation.logits, test.logits, test.truth, temperature, coverage),
        ece_uncalibrated=metrics.expected_calibration_error(metrics.softmax(test.logits), test.truth),
        confusion=metrics.confusion(test.truth, predicted, len(labels)),
    )
