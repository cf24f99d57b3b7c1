"""Optimiser, averaged weights and learning-rate search: what the loop is made from, apart from its objective."""

import copy
import math

import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel

from ocelli_trainer.config import Config, TrainConfig
from ocelli_trainer.data import loader
from ocelli_trainer.data.loader import EpochBatches, Normaliser, Pictures
from ocelli_trainer.errors import TrainerError, say
from ocelli_trainer.fit import objective
from ocelli_trainer.fit.models import Classifier

FIND_FROM, FIND_TO, FIND_STEPS = 1e-6, 1.0, 100  # learning rates tried, and in how many steps
FIND_SMOOTHING = 0.9
FIND_DIVERGED = 4.0  # times the least loss: further steps would tell nothing
FIND_MARGIN = 10.0  # the rate of the least loss is already at the edge; Smith 2017 and fastai take a tenth


def make_optimizer(net: Classifier, config: Config) -> torch.optim.Optimizer:
    """Two groups, so that a pretrained backbone can learn at a lower rate; `peak` is read by the schedule."""
    train = config.train
    rates = [(net.head, train.lr), (net.backbone, train.lr * config.model.backbone_lr)]
    groups = [{"params": list(part.parameters()), "lr": lr, "peak": lr} for part, lr in rates]
    if train.optimizer == "sgd":
        return torch.optim.SGD(
            groups, momentum=train.momentum, weight_decay=train.weight_decay, nesterov=train.momentum > 0
        )
    kind = torch.optim.AdamW if train.optimizer == "adamw" else torch.optim.Adam
    return kind(groups, weight_decay=train.weight_decay)


def make_ema(net: Classifier, decay: float) -> AveragedModel | None:
    """Exponential moving average of weights and batch-norm statistics; short memory first, so that it soon counts."""
    if not decay:
        return None

    def blend(average: Tensor, current: Tensor, count: Tensor | int) -> Tensor:
        return average + (current - average) * (1 - min(decay, (1 + int(count)) / (10 + int(count))))

    return AveragedModel(net, avg_fn=blend, use_buffers=True)


def find_lr(net: Classifier, train: Pictures, normalise: Normaliser, config: Config) -> float:
    """Learning-rate range test on a copy of the network: a rising rate, until the loss runs away."""
    trial = copy.deepcopy(net).to(normalise.mean.device).train()
    optimizer = make_optimizer(trial, config)
    criterion = objective.make_criterion(TrainConfig(), train.truth, net.head.out_features).to(normalise.mean.device)
    smooth, least, best, step, epoch = 0.0, math.inf, FIND_FROM, 0, 0
    batches = EpochBatches(train.truth, config.train, 0, 1)
    while step < FIND_STEPS:
        batches.epoch = epoch
        for pictures, truth in loader.train_loader(train, batches, 0):
            rate = FIND_FROM * (FIND_TO / FIND_FROM) ** (step / (FIND_STEPS - 1))
            for group in optimizer.param_groups:
                group["lr"] = rate
            optimizer.zero_grad()
            loss = criterion(trial(normalise(pictures))[0], truth.to(normalise.mean.device))
            loss.backward()
            optimizer.step()
            smooth = FIND_SMOOTHING * smooth + (1 - FIND_SMOOTHING) * loss.item()
            level = smooth / (1 - FIND_SMOOTHING ** (step + 1))
            step += 1
            if level < least:
                least, best = level, rate
            if step >= FIND_STEPS or not math.isfinite(level) or level > FIND_DIVERGED * least:
                found = float(f"{best / FIND_MARGIN:.2g}")
                say(f"learning rate found: {found:g} (least loss {least:.3f} at {best:.2g})")
                return found
        epoch += 1
    raise TrainerError("the learning-rate search found no batch", "add pictures")
