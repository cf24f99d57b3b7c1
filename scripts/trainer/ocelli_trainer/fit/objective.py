"""What is learnt: one class of several, or each of independent labels by itself. The loop asks here for its loss."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from ocelli_trainer.config import Config, ExportConfig, TrainConfig
from ocelli_trainer.errors import TrainerError, warn
from ocelli_trainer.fit import label_metrics, metrics
from ocelli_trainer.fit.evaluation import Scores

LARGEST_WEIGHT = 50.0  # of a label's pictures: a handful shall not drown all others


class LabelLoss(nn.Module):
    """Binary cross-entropy of each label, its pictures weighted against those without it, over all labels alike.

    Weights w move what is learnt from log odds to log odds + log w, where the weighted loss is least. Adding log w here
    leaves the plain log odds to the network, so that its probabilities stay honest.
    """

    weight: Tensor
    shift: Tensor

    def __init__(self, weight: Tensor, smoothing: float):
        super().__init__()
        self.register_buffer("weight", weight)
        self.register_buffer("shift", weight.log())
        self.smoothing = smoothing

    def forward(self, logits: Tensor, truth: Tensor) -> Tensor:
        target = truth.to(logits.dtype) * (1 - self.smoothing) + self.smoothing / 2
        return F.binary_cross_entropy_with_logits(logits + self.shift, target, pos_weight=self.weight)


def make_criterion(config: TrainConfig, truth: NDArray[np.integer], classes: int) -> nn.Module:
    weighted = config.balance == "weights"
    if truth.ndim == 2:
        weight = torch.ones(classes)
        if weighted:
            there = truth.sum(0)
            odds = (len(truth) - there) / np.maximum(there, 1)
            weight = torch.tensor(np.clip(odds, 1 / LARGEST_WEIGHT, LARGEST_WEIGHT), dtype=torch.float32)
        return LabelLoss(weight, config.label_smoothing)
    weights = None
    if weighted:
        counts = np.bincount(truth, minlength=classes)
        weights = torch.tensor(len(truth) / (classes * np.maximum(counts, 1)), dtype=torch.float32)
    return nn.CrossEntropyLoss(weight=weights, label_smoothing=config.label_smoothing)


def check(config: Config, independent: bool) -> None:
    """What is asked for and has no sense where labels are independent of one another."""
    if not independent:
        return
    if config.export.coverage != ExportConfig().coverage:
        warn(f"--coverage {config.export.coverage:g} is not heeded: independent labels have a threshold each")
    if config.train.balance == "sampler":
        raise TrainerError(
            "--balance sampler evens out classes, but a picture may have several labels here", "use --balance weights"
        )


def right_answers(logits: Tensor, truth: Tensor) -> float:
    """How many pictures of a batch are right; of independent labels each counts as the share of its labels."""
    if truth.ndim == 2:
        return float(((logits > 0) == (truth == 1)).float().mean(1).sum())
    return int((logits.argmax(1) == truth).sum())


def validate(scores: Scores) -> dict[str, float]:
    """Plain cross-entropy, whatever loss is trained, so that runs can be compared."""
    logits, truth = scores.logits, scores.truth
    if scores.independent:
        right = (logits > 0) == (truth == 1)
        probabilities = label_metrics.sigmoid(logits)
        each = [label_metrics.average_precision(p, t) for p, t in zip(probabilities.T, truth.T, strict=True)]
        return {
            "val_loss": float(label_metrics.binary_cross_entropy(logits, truth).mean()),
            "val_accuracy": float(right.mean()),
            "val_average_precision": float(np.mean(each)),
        }
    right = logits.argmax(1) == truth
    return {"val_loss": metrics.cross_entropy(logits, truth), "val_accuracy": float(right.mean())}
