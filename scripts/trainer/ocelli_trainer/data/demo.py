"""Writes the demonstration data sets, so that the trainer can be tried without any download.

Shapes and digits come as class folders, scenes, whose pictures have several labels or none, with tables.
"""

import csv
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from ocelli_trainer.data import scenes, shapes
from ocelli_trainer.data.table import BETWEEN, LABELS
from ocelli_trainer.errors import TrainerError, say

SHAPES_PER_CLASS = {"train": 500, "val": 100, "test": 250}
SCENES = {"train": 2000, "val": 500, "test": 500}
JPEG_FROM = 96  # pixels of the short side from which pictures are written as JPEG: noisy PNGs are ten times larger


def write_shapes(folder: Path, seed: int) -> int:
    """train/ val/ test/ folders of four classes; every picture depends on the seed and its own place only."""
    count = 0
    for split_index, (split, per_class) in enumerate(SHAPES_PER_CLASS.items()):
        for class_index, kind in enumerate(shapes.CLASSES):
            target = folder / split / kind
            target.mkdir(parents=True)
            for i in range(per_class):
                rng = np.random.default_rng([seed, split_index, class_index, i])
                width, height = shapes.SIZES[int(rng.choice(len(shapes.SIZES), p=shapes.SIZE_SHARES))]
                save(shapes.draw(rng, kind, width, height), target / f"{i:05d}")
                count += 1
    return count


def save(picture: Image.Image, stem: Path) -> None:
    if min(picture.size) < JPEG_FROM:
        picture.save(stem.with_suffix(".png"))
    else:
        picture.save(stem.with_suffix(".jpg"), quality=92)


def write_digits(folder: Path, seed: int) -> int:
    """scikit-learn's bundled 8x8 digits (UCI optical recognition test set), 60/20/20 stratified."""
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise TrainerError(
            "the digits set needs scikit-learn, which is not installed", "run scripts/setup --train"
        ) from error
    digits = load_digits()
    rng = np.random.default_rng(seed)
    for label in range(10):
        indices = rng.permutation(np.flatnonzero(digits.target == label))
        train, val = round(len(indices) * 0.6), round(len(indices) * 0.8)
        for split, part in (("train", indices[:train]), ("val", indices[train:val]), ("test", indices[val:])):
            target = folder / split / str(label)
            target.mkdir(parents=True)
            for i in sorted(part):
                pixels = np.round(digits.images[i] * (255 / 16)).astype(np.uint8)  # 17 grey levels => 8 bit
                Image.fromarray(pixels).resize((32, 32), Image.Resampling.BICUBIC).save(target / f"{i:04d}.png")
    return len(digits.target)


def write_scenes(folder: Path, seed: int) -> int:
    """Pictures beside train.csv, val.csv and test.csv; every one depends on the seed and its own place only."""
    for split_index, (split, count) in enumerate(SCENES.items()):
        (folder / split).mkdir(parents=True)
        rows = []
        for i in range(count):
            rng = np.random.default_rng([seed, split_index, i])
            kinds, size = scenes.kinds(rng), scenes.SIZES[int(rng.integers(len(scenes.SIZES)))]
            file = folder / split / f"{i:05d}.png"
            scenes.draw(rng, kinds, *size).save(file)
            rows.append((file.relative_to(folder).as_posix(), BETWEEN.join(kinds)))
        with (folder / f"{split}.csv").open("w", encoding="utf-8", newline="") as text:
            csv.writer(text, lineterminator="\n").writerows([("file", LABELS), *rows])
    return sum(SCENES.values())


WRITERS: dict[str, Callable[[Path, int], int]] = {
    "shapes": write_shapes,
    "digits": write_digits,
    "scenes": write_scenes,
}


def write(kind: str, folder: Path, seed: int = 0, overwrite: bool = False) -> None:
    if folder.exists() and any(folder.iterdir()):
        if not overwrite:
            raise TrainerError(f"{folder} is not empty", "name a new folder or add --overwrite")
        shutil.rmtree(folder)
    count = WRITERS[kind](folder, seed)
    say(f"{count} pictures of {kind} in {folder}")
