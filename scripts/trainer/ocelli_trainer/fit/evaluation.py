"""What a graph says of a split, and the findings drawn from it. Needs numpy only."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ocelli_trainer.fit import metrics
from ocelli_trainer.fit.calibrate import fit_rejection, fit_temperature
from ocelli_trainer.manifest import Metrics, Rejection


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


def evaluate(validation: Scores, test: Scores, labels: tuple[str, ...], coverage: float) -> Evaluation:
    temperature = fit_temperature(validation.logits, validation.truth)
    predicted = test.logits.argmax(1)
    return Evaluation(
        metrics=metrics.measure(test.logits, test.truth, labels, temperature),
        temperature=temperature,
        rejection=fit_rejection(validation.logits, test.logits, test.truth, temperature, coverage),
        ece_uncalibrated=metrics.expected_calibration_error(metrics.softmax(test.logits), test.truth),
        confusion=metrics.confusion(test.truth, predicted, len(labels)),
    )
