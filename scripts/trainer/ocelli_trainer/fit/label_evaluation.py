"""The findings on the test split where labels are independent of one another, each calibrated by itself."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ocelli_trainer.fit import label_metrics
from ocelli_trainer.fit.label_calibration import PLAIN, calibrate
from ocelli_trainer.fit.label_metrics import Floats
from ocelli_trainer.manifest import SIGMOID_LOGITS, Independent, Output
from ocelli_trainer.measured import Metrics


@dataclass(frozen=True)
class LabelEvaluation:
    """Measured with temperatures and thresholds that were fitted on the validation split."""

    metrics: Metrics
    temperatures: Floats
    thresholds: Floats
    ece_uncalibrated: float
    unfitted: list[str]  # labels with too few validation pictures to fit anything

    def probabilities(self, logits: NDArray[np.floating]) -> Floats:
        return label_metrics.sigmoid(logits, self.temperatures)

    def answers(self, logits: NDArray[np.floating]) -> NDArray[np.bool_]:
        """Whether each picture has each label."""
        return np.asarray(self.probabilities(logits) >= self.thresholds)

    @property
    def headline(self) -> str:
        return f"macro F1 {self.metrics.macro_f1:.4f}"

    @property
    def rejection(self) -> None:
        """None: where no label counts, that is an answer, too."""

    def output(self) -> Output:
        each = Independent(self.thresholds.tolist(), self.temperatures.tolist())
        return Output("logits", SIGMOID_LOGITS, 1.0, None, "embedding", each)

    def __str__(self) -> str:
        measured = self.metrics
        return (
            f"all labels right {measured.accuracy:.4f}, mean average precision {measured.mean_average_precision:.4f},"
            f" F1 macro {measured.macro_f1:.4f} and micro {measured.micro_f1:.4f},"
            f" ECE {self.ece_uncalibrated:.4f} => {measured.ece:.4f} at the labels' own temperatures"
        )


def evaluate_labels(
    validation: NDArray[np.floating],
    validation_truth: NDArray[np.integer],
    test: NDArray[np.floating],
    test_truth: NDArray[np.integer],
    labels: tuple[str, ...],
) -> LabelEvaluation:
    found = calibrate(validation, validation_truth, labels)
    temperatures, thresholds = np.array(found.temperatures), np.array(found.thresholds)
    return LabelEvaluation(
        label_metrics.measure(test, test_truth, labels, temperatures, thresholds),
        temperatures,
        thresholds,
        label_metrics.measure(test, test_truth, labels, 1.0, PLAIN).ece,
        found.unfitted,
    )
