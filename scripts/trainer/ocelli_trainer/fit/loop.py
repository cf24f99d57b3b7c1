"""The training loop: one epoch after another, each ended by a validation and a checkpoint.

Everything random is seeded by (seed, epoch), so a run that was killed goes on from its last whole epoch and
ends with the very weights of an unbroken run.
"""

import io
import math
import time
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from ocelli_trainer.config import Config
from ocelli_trainer.data import loader, transforms
from ocelli_trainer.data.loader import EpochBatches, Normaliser, Pictures
from ocelli_trainer.errors import TrainerError, say
from ocelli_trainer.files import write_whole
from ocelli_trainer.fit.distributed import Processes
from ocelli_trainer.fit.inference import infer
from ocelli_trainer.fit.models import Classifier
from ocelli_trainer.fit.objective import make_criterion, right_answers, validate
from ocelli_trainer.fit.optim import make_ema, make_optimizer
from ocelli_trainer.fit.schedule import Schedule
from ocelli_trainer.manifest import Preprocess
from ocelli_trainer.run import Run

MIXUP_STREAM = 1_000_003  # keeps mixup's random stream apart from the order's, which is (seed, epoch)


class Loop:
    def __init__(
        self,
        net: Classifier,
        train: Pictures,
        validation: Pictures,
        preprocess: Preprocess,
        config: Config,
        processes: Processes,
        run: Run,
    ):
        self.config, self.processes, self.run = config, processes, run
        self.net = net.to(processes.device)
        self.train, self.validation = train, validation
        self.normalise = Normaliser(preprocess, processes.device)
        self.batches = EpochBatches(train.truth, config.train, processes.rank, processes.world_size)
        self.steps_per_epoch = len(self.batches)
        self._check_batches(len(train))
        self.optimizer = make_optimizer(net, config)
        steps = config.train.epochs * self.steps_per_epoch
        warmup = min(round(config.train.warmup * self.steps_per_epoch), steps - 1)
        self.schedule = Schedule(config.train.schedule, steps, warmup)
        self.ema = make_ema(net, config.train.ema)
        self.criterion = make_criterion(config.train, train.truth, net.head.out_features).to(processes.device)
        self.scaler = torch.amp.GradScaler(processes.device.type, enabled=config.train.amp)
        self.parallel = processes.wrap(self.net, unused=config.model.freeze_epochs != 0)
        self.history: list[dict[str, Any]] = []
        self.best: dict[str, float] | None = None

    def _check_batches(self, pictures: int) -> None:
        if self.config.train.amp and self.processes.device.type != "cuda":
            raise TrainerError("--amp needs CUDA, this is the CPU", "leave it out")
        batch, processes = self.config.train.batch, self.processes.world_size
        if batch < 2 * processes:
            raise TrainerError(
                f"--batch {batch} over {processes} processes leaves fewer than 2 pictures each",
                "raise it or start fewer processes",
            )
        if self.steps_per_epoch == 0:
            raise TrainerError(f"expected at least 2 training pictures per process, found {pictures}", "add pictures")

    def fit(self) -> None:
        """Train to the last epoch, or until patience ends; the best weights stand in the run folder then."""
        epochs = self.config.train.epochs
        while len(self.history) < epochs and not self._out_of_patience():
            epoch = len(self.history)
            started = time.monotonic()
            row = {"epoch": epoch + 1} | self._train_epoch(epoch)
            row |= self.processes.broadcast(self._validate() if self.processes.is_main else None)
            row["seconds"] = round(time.monotonic() - started, 2)
            self.schedule.after_epoch(row["val_loss"])
            self._record(row)
        if self._out_of_patience():
            say(f"stopped early: no better validation for {self.config.train.patience} epochs")
        self.processes.barrier()

    def _train_epoch(self, epoch: int) -> dict[str, float]:
        config = self.config
        self.batches.epoch = epoch
        torch.manual_seed(epoch_seed(config.train.seed, epoch, self.processes.rank))
        mixing = np.random.default_rng([config.train.seed, epoch, MIXUP_STREAM])
        self._set_training_mode(epoch)
        batches = loader.train_loader(self.train, self.batches, config.train.workers)
        bar = tqdm(batches, f"epoch {epoch + 1}/{config.train.epochs}", leave=False, disable=self._no_bar())
        loss_sum, right, seen, rate = 0.0, 0.0, 0, 0.0
        for step, (pictures, labels) in enumerate(bar):
            rate = self._set_rate(epoch * self.steps_per_epoch + step)
            share, partner = 1.0, np.arange(len(labels))
            if config.augment.mixup:
                share, partner = transforms.mixup(mixing, config.augment.mixup, len(labels))
            loss, logits = self._step(pictures, labels.to(self.processes.device), share, torch.from_numpy(partner))
            if not math.isfinite(loss):
                raise TrainerError(f"the loss became {loss} in epoch {epoch + 1}", "lower --lr or add --clip 1")
            loss_sum, seen = loss_sum + loss * len(labels), seen + len(labels)
            right += right_answers(logits.cpu(), labels)
        return {"lr": rate, "train_loss": loss_sum / seen, "train_accuracy": right / seen}

    def _no_bar(self) -> bool | None:
        return None if self.processes.is_main else True  # None: only where standard error is a terminal

    def _step(self, pictures: Tensor, labels: Tensor, share: float, partner: Tensor) -> tuple[float, Tensor]:
        images = self.normalise(pictures)
        if share < 1:
            images = share * images + (1 - share) * images[partner]
        self.optimizer.zero_grad(set_to_none=True)
        with torch.autocast(self.processes.device.type, enabled=self.config.train.amp):
            logits, _ = self.parallel(images)
            loss: Tensor = self.criterion(logits, labels)
            if share < 1:
                loss = share * loss + (1 - share) * self.criterion(logits, labels[partner])
        self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        if self.config.train.clip:
            self.scaler.unscale_(self.optimizer)
            nn.utils.clip_grad_norm_(self.net.parameters(), self.config.train.clip)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        if self.ema is not None:
            self.ema.update_parameters(self.net)
        return loss.item(), logits.detach()

    def _set_training_mode(self, epoch: int) -> None:
        """A frozen backbone keeps its weights and its batch-norm statistics."""
        self.parallel.train()
        wanted = self.config.model.freeze_epochs
        frozen = wanted < 0 or epoch < wanted
        if wanted > 0 and epoch == wanted:
            say(f"epoch {epoch + 1}: the backbone is trained from here on")
        for parameter in self.net.backbone.parameters():
            parameter.requires_grad = not frozen
        if frozen:
            self.net.backbone.eval()

    def _set_rate(self, step: int) -> float:
        factor = self.schedule.factor(step)
        for group in self.optimizer.param_groups:
            group["lr"] = group["peak"] * factor
        return self.config.train.lr * factor

    def _validate(self) -> dict[str, float]:
        return validate(infer(self.validated, self.validation, self.normalise))

    @property
    def validated(self) -> Classifier:
        """The weights that are validated and kept: the averaged ones where EMA is on."""
        return self.net if self.ema is None else cast(Classifier, self.ema.module)

    def _record(self, row: dict[str, Any]) -> None:
        self.history.append(row)
        better = self.best is None or row["val_loss"] < self.best["val_loss"]  # accuracy is coarse
        if better:
            self.best = {k: row[k] for k in ("epoch", "val_accuracy", "val_loss")}
        if self.processes.is_main:
            if better:
                save(self.run.best, {"model": self.validated.state_dict(), "best": self.best})
            save(self.run.last, self.state_dict())
            self.run.write_history(self.history)
            self._log(row, better)

    def _log(self, row: dict[str, Any], better: bool) -> None:
        from torch.utils.tensorboard import SummaryWriter

        with SummaryWriter(str(self.run.tensorboard), purge_step=row["epoch"]) as board:
            for key, value in row.items():
                board.add_scalar(key, value, row["epoch"])
        say(
            f"epoch {row['epoch']:3}/{self.config.train.epochs}  loss {row['train_loss']:.4f}"
            f"  val loss {row['val_loss']:.4f}  val accuracy {row['val_accuracy']:.4f}{_precision(row)}"
            f"  lr {row['lr']:.2e}  {row['seconds']:.1f} s{'  *' if better else ''}"
        )

    def _out_of_patience(self) -> bool:
        patience = self.config.train.patience
        return bool(patience and self.best and len(self.history) - self.best["epoch"] >= patience)

    def state_dict(self) -> dict[str, Any]:
        return {
            "model": self.net.state_dict(),
            "average": None if self.ema is None else self.ema.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
            "schedule": self.schedule.state_dict(),
            "history": self.history,
            "best": self.best,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.net.load_state_dict(state["model"])
        if self.ema is not None:
            self.ema.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scaler.load_state_dict(state["scaler"])
        self.schedule.load_state_dict(state["schedule"])
        self.history, self.best = state["history"], state["best"]


def _precision(row: dict[str, Any]) -> str:
    found = row.get("val_average_precision")
    return "" if found is None else f"  val average precision {found:.4f}"


def save(path: Path, state: dict[str, Any]) -> None:
    buffer = io.BytesIO()
    torch.save(state, buffer)
    write_whole(path, buffer.getvalue())


def epoch_seed(seed: int, epoch: int, rank: int) -> int:
    return int(np.random.SeedSequence([seed, epoch, rank]).generate_state(1)[0])
