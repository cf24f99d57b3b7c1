"""What a graph says of a split, and the findings drawn from it. Needs numpy only."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ocelli_trainer.fit import metrics
from ocelli_trainer.fit.calibrate import fit_temperature
from ocelli_trainer.fit.features import ClassFeatures
from ocelli_trainer.fit.label_evaluation import LabelEvaluation, evaluate_labels
from ocelli_trainer.fit.leave_out import leave_one_class_out
from ocelli_trainer.fit.rejection import Split, fit_rejection
from ocelli_trainer.manifest import Output, Rejection
from ocelli_trainer.measured import Metrics


@dataclass(frozen=True)
class Scores:
    logits: NDArray[np.float32]  # [N, C]
    embedding: NDArray[np.float32]  # [N, D]
    truth: NDArray[np.int64]  # [N] classes, or [N, C] of 0 and 1 where labels are independent of one another

    @property
    def independent(self) -> bool:
        return self.truth.ndim == 2

    def split(self) -> Split:
        return self.logits, self.embedding, self.truth


@dataclass(frozen=True)
class Evaluation:
    """The findings on the test split; temperature, limits and features were fitted on the validation split."""

    metrics: Metrics
    temperature: float
    rejection: Rejection
    features: ClassFeatures | None
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
            f" below {rejection.threshold:g}{self._beyond} unknown: {100 * rejection.coverage:.1f} % kept,"
            f" {100 * rejection.accuracy:.1f} % of them right{self._left_out}"
        )

    @property
    def _beyond(self) -> str:
        distance = self.rejection.distance
        return "" if distance is None else f" or beyond the distance {distance:g}"

    @property
    def _left_out(self) -> str:
        found = self.metrics.leave_one_class_out
        if found is None:
            return ""
        return f"; a class left out is found by {100 * found.found:.1f} %, AUROC {found.auroc:.4f}"


AnyEvaluation = Evaluation | LabelEvaluation


def evaluate(validation: Scores, test: Scores, labels: tuple[str, ...], coverage: float) -> AnyEvaluation:
    if test.independent:
        return evaluate_labels(validation.logits, validation.truth, test.logits, test.truth, labels)
    temperature = fit_temperature(validation.logits, validation.truth)
    predicted = test.logits.argmax(1)
    measured = metrics.measure(test.logits, test.truth, labels, temperature)
    left_out = leave_one_class_out(validation.split(), test.split(), temperature, coverage)
    rejecting = fit_rejection(validation.split(), test.split(), temperature, coverage)
    return Evaluation(
        metrics=replace(measured, leave_one_class_out=left_out),
        temperature=temperature,
        rejection=rejecting.rejection,
        features=rejecting.features,
        ece_uncalibrated=metrics.expected_calibration_error(metrics.softmax(test.logits), test.truth),
        confusion=metrics.confusion(test.truth, predicted, len(labels)),
    )
