"""Feeds pictures to the loop: cached at model size where they fit, in an order that depends on seed and epoch alone."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils import data as torch_data

from ocelli_trainer.config import AugmentConfig, Config, TrainConfig
from ocelli_trainer.data import transforms
from ocelli_trainer.data.dataset import Dataset, Sample, open_picture
from ocelli_trainer.manifest import Preprocess

EpochIndex = tuple[int, int]  # (epoch, index of the picture): augmentation depends on both


Truth = NDArray[np.int64]  # of one picture: its class, or 0 and 1 for each of independent labels


class Pictures(torch_data.Dataset[tuple[NDArray[np.uint8], Truth]]):
    """Pictures of one split as HWC 8-bit arrays at model size, with what is true of each."""

    def __init__(
        self,
        samples: Sequence[Sample],
        truth: Truth,
        preprocess: Preprocess,
        color: str,
        augment: AugmentConfig | None,
        seed: int,
    ):
        self.samples, self.truth, self.preprocess, self.color = samples, truth, preprocess, color
        self.augment, self.seed = augment, seed
        self.cache: NDArray[np.uint8] | None = None

    def bytes_at_model_size(self) -> int:
        size = transforms.model_size(self.preprocess)
        return len(self.samples) * size.width * size.height * len(self.preprocess.mean)

    def fill_cache(self) -> None:
        if self.samples:
            self.cache = self.pixels(range(len(self.samples)))

    def plain(self, index: int) -> NDArray[np.uint8]:
        """One picture as the eval transform gives it, HWC."""
        if self.cache is not None:
            return np.asarray(self.cache[index])
        return transforms.eval_transform(open_picture(self.samples[index].path, self.color), self.preprocess)

    def pixels(self, indices: Iterable[int]) -> NDArray[np.uint8]:
        """These pictures as the eval transform gives them, NHWC."""
        return np.stack([self.plain(int(i)) for i in indices])

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, epoch_index: EpochIndex) -> tuple[NDArray[np.uint8], Truth]:
        epoch, index = epoch_index
        label = self.truth[index]
        if self.augment is None or self.augment == AugmentConfig(mixup=self.augment.mixup):
            return self.plain(index), label
        rng = np.random.default_rng([self.seed, epoch, index])
        if self.augment.crop < 1:
            picture = open_picture(self.samples[index].path, self.color)
            return transforms.train_transform(picture, self.preprocess, self.augment, rng), label
        plain = self.plain(index)
        picture = transforms.from_pixels(plain)
        return transforms.pixels(transforms.augment(picture, self.augment, rng)), label


def make_pictures(dataset: Dataset, preprocess: Preprocess, config: Config) -> dict[str, Pictures]:
    """Each split's pictures; those that fit are read into memory once."""
    augments: dict[str, AugmentConfig | None] = {"train": config.augment, "val": None, "test": None}
    splits = {
        k: Pictures(dataset.splits[k], dataset.truth(k), preprocess, config.model.color, augment, config.train.seed)
        for k, augment in augments.items()
    }
    left = config.train.cache_mb * 1024 * 1024
    for pictures in splits.values():
        random_crop = pictures.augment is not None and pictures.augment.crop < 1
        if not random_crop and pictures.bytes_at_model_size() <= left:
            left -= pictures.bytes_at_model_size()
            pictures.fill_cache()
    return splits


def order(labels: NDArray[np.integer], config: TrainConfig, epoch: int) -> NDArray[np.int64]:
    """The pictures of one epoch: each once, or drawn so that every class comes equally often."""
    rng = np.random.default_rng([config.seed, epoch])
    if config.balance != "sampler":
        return rng.permutation(len(labels))
    weight = 1 / np.bincount(labels)[labels]
    return rng.choice(len(labels), len(labels), p=weight / weight.sum())


class EpochBatches:
    """A batch sampler: what one of `world_size` processes sees in an epoch; set `epoch` before iterating."""

    def __init__(self, labels: NDArray[np.integer], config: TrainConfig, rank: int, world_size: int):
        self.labels, self.config, self.rank, self.world_size = labels, config, rank, world_size
        self.epoch = 0

    def __len__(self) -> int:
        full, rest = divmod(len(self.labels), self.config.batch)
        return full + (rest >= 2 * self.world_size)  # batch norm needs two pictures in every process

    def __iter__(self) -> Iterator[list[EpochIndex]]:
        indices = order(self.labels, self.config, self.epoch)
        for step in range(len(self)):
            batch = indices[step * self.config.batch : (step + 1) * self.config.batch]
            share = batch[: len(batch) // self.world_size * self.world_size][self.rank :: self.world_size]
            yield [(self.epoch, int(i)) for i in share]


def collate(items: list[tuple[NDArray[np.uint8], Truth]]) -> tuple[Tensor, Tensor]:
    return torch.from_numpy(np.stack([p for p, _ in items])), torch.from_numpy(np.stack([y for _, y in items]))


def train_loader(pictures: Pictures, batches: EpochBatches, workers: int) -> Iterable[tuple[Tensor, Tensor]]:
    loader: Iterable[tuple[Tensor, Tensor]] = torch_data.DataLoader(
        pictures,
        batch_sampler=batches,  # of (epoch, index) instead of plain indices
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
