"""Feeds pictures to the loop: cached at model size where they fit, in an order that depends on seed and epoch alone."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from ocelli_trainer.config import AugmentConfig, TrainConfig
from ocelli_trainer.data import dataset as data
from ocelli_trainer.data import transforms
from ocelli_trainer.data.dataset import Sample
from ocelli_trainer.manifest import Preprocess

Ticket = tuple[int, int]  # (epoch, index of the picture)


class Pictures(Dataset[tuple[NDArray[np.uint8], int]]):
    """Pictures of one split as HWC 8-bit arrays at model size."""

    def __init__(
        self, samples: Sequence[Sample], preprocess: Preprocess, color: str, augment: AugmentConfig | None, seed: int
    ):
        self.samples, self.preprocess, self.color = samples, preprocess, color
        self.augment, self.seed = augment, seed
        self.cache: NDArray[np.uint8] | None = None

    def bytes_at_model_size(self) -> int:
        size = transforms.model_size(self.preprocess)
        return len(self.samples) * size.width * size.height * len(self.preprocess.mean)

    def fill_cache(self) -> None:
        if self.samples:
            self.cache = np.stack([self._plain(i) for i in range(len(self.samples))])

    def _plain(self, index: int) -> NDArray[np.uint8]:
        if self.cache is not None:
            return np.asarray(self.cache[index])
        return transforms.eval_transform(data.open_picture(self.samples[index].path, self.color), self.preprocess)

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, ticket: Ticket) -> tuple[NDArray[np.uint8], int]:
        epoch, index = ticket
        label = self.samples[index].label
        if self.augment is None or self.augment == AugmentConfig(mixup=self.augment.mixup):
            return self._plain(index), label
        rng = np.random.default_rng([self.seed, epoch, index])
        if self.augment.crop < 1:
            picture = data.open_picture(self.samples[index].path, self.color)
            return transforms.train_transform(picture, self.preprocess, self.augment, rng), label
        plain = self._plain(index)
        picture = transforms.from_pixels(plain)
        return transforms.pixels(transforms.augment(picture, self.augment, rng)), label


def order(labels: NDArray[np.integer], config: TrainConfig, epoch: int) -> NDArray[np.int64]:
    """The pictures of one epoch: each once, or drawn so that every class comes equally often."""
    rng = np.random.default_rng([config.seed, epoch])
    if config.balance != "sampler":
        return rng.permutation(len(labels))
    weight = 1 / np.bincount(labels)[labels]
    return rng.choice(len(labels), len(labels), p=weight / weight.sum())


class Batches:
    """The tickets of one epoch's batches for one of `world` processes; set `epoch` before iterating."""

    def __init__(self, labels: NDArray[np.integer], config: TrainConfig, rank: int, world: int):
        self.labels, self.config, self.rank, self.world = labels, config, rank, world
        self.epoch = 0

    def __len__(self) -> int:
        full, rest = divmod(len(self.labels), self.config.batch)
        return full + (rest >= 2 * self.world)  # batch norm needs two pictures in every process

    def __iter__(self) -> Iterator[list[Ticket]]:
        indices = order(self.labels, self.config, self.epoch)
        for step in range(len(self)):
            batch = indices[step * self.config.batch : (step + 1) * self.config.batch]
            share = batch[: len(batch) // self.world * self.world][self.rank :: self.world]
            yield [(self.epoch, int(i)) for i in share]


def collate(items: list[tuple[NDArray[np.uint8], int]]) -> tuple[Tensor, Tensor]:
    return torch.from_numpy(np.stack([p for p, _ in items])), torch.tensor([y for _, y in items])


def train_loader(pictures: Pictures, batches: Batches, workers: int) -> Iterable[tuple[Tensor, Tensor]]:
    loader: Iterable[tuple[Tensor, Tensor]] = DataLoader(
        pictures,
        batch_sampler=batches,  # of tickets instead of plain indices
        num_workers=workers,
        collate_fn=collate,
    )
    return loader


class Normaliser:
    """NHWC 8-bit batches => NCHW float32, by transforms.normalise's formula on the training device."""

    def __init__(self, preprocess: Preprocess, device: torch.device):
        self.rescale = preprocess.rescale
        self.mean = torch.tensor(preprocess.mean, dtype=torch.float32, device=device)
        self.std = torch.tensor(preprocess.std, dtype=torch.float32, device=device)

    def __call__(self, batch: Tensor) -> Tensor:
        values = (batch.to(self.mean.device).float() * self.rescale - self.mean) / self.std
        return values.permute(0, 3, 1, 2).contiguous()  # NHWC => NCHW
