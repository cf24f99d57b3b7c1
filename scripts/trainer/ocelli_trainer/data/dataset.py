"""Finds the labelled pictures: class folders, already split (train/ val/ test/) or split here.

Where a picture has several labels, or none, tables.py finds them.

Needs neither torch nor torchvision: the lint and the tests of data handling run on any machine.
"""

import hashlib
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from ocelli_trainer.errors import TrainerError, say, warn

SPLITS = ("train", "val", "test")
SPLIT_FOLDERS = {"train": ("train",), "val": ("val", "valid", "validation"), "test": ("test",)}
LABEL_BREAK = "\1"  # between a picture's labels in the fingerprint: no label holds it
EXTENSIONS = {".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm"}


Ratios = tuple[float, float, float]  # of train, val, test


@dataclass(frozen=True, init=False)
class Sample:
    path: Path
    labels: tuple[int, ...]  # indices into Dataset.labels, rising

    def __init__(self, path: Path, *labels: int):
        object.__setattr__(self, "path", path)
        object.__setattr__(self, "labels", tuple(sorted(set(labels))))

    @property
    def label(self) -> int:
        """The one label, where every picture has one."""
        (label,) = self.labels
        return label

    def digest(self) -> str:
        """SHA-256 of the file's bytes: the same picture under another name has the same."""
        return hashlib.sha256(self.path.read_bytes()).hexdigest()


@dataclass(frozen=True)
class Dataset:
    name: str
    root: Path
    labels: tuple[str, ...]
    splits: dict[str, tuple[Sample, ...]]  # keys: SPLITS
    independent: bool = False  # a picture may have several labels, or none

    def case_name(self, sample: Sample) -> str:
        """`class/file`, which says what the picture shows and where it is from."""
        return f"{self.names(sample, '+') or 'none'}/{sample.path.name}"

    def names(self, sample: Sample, between: str = ";") -> str:
        """The sample's labels in words."""
        return between.join(self.labels[i] for i in sample.labels)

    def truth(self, split: str) -> NDArray[np.int64]:
        """[N] classes; of independent labels [N, C], 1 where a picture has the label."""
        samples = self.splits[split]
        if not self.independent:
            return np.array([s.label for s in samples], np.int64)
        truth = np.zeros((len(samples), len(self.labels)), np.int64)
        for row, sample in zip(truth, samples, strict=True):
            row[list(sample.labels)] = 1
        return truth


def load(root: Path, name: str, ratios: Ratios, seed: int) -> Dataset:
    """The data set under `root`; parts that have no folder of their own are split off here and said so."""
    if not root.is_dir():
        raise TrainerError(f"{root} is not a folder", "name a folder of class folders")
    folders = {split: _split_folder(root, split) for split in SPLITS}
    if folders["train"] is None:
        labels = class_names([root])
        splits = stratified(samples_of(root, labels), ratios, seed)
        say(f"split {root} into " + ", ".join(f"{len(s)} {k}" for k, s in splits.items()) + f" (seed {seed})")
    else:
        labels = class_names([f for f in folders.values() if f is not None])
        splits = {k: samples_of(f, labels) if f else () for k, f in folders.items()}
        splits = fill_missing(root, splits, ratios, seed)
    if len(labels) < 2:
        raise TrainerError(
            f"{root}: expected at least 2 classes, found {len(labels)} {list(labels)}", "add a folder per class"
        )
    return Dataset(name, root, labels, splits)


def _split_folder(root: Path, split: str) -> Path | None:
    found = [root / name for name in SPLIT_FOLDERS[split] if (root / name).is_dir()]
    if len(found) > 1:
        raise TrainerError(f"{root}: more than one {split} folder: {', '.join(f.name for f in found)}", "keep one")
    return found[0] if found else None


def class_names(roots: Iterable[Path]) -> tuple[str, ...]:
    return tuple(sorted({f.name for r in roots for f in r.iterdir() if f.is_dir() and not f.name.startswith(".")}))


def samples_of(folder: Path, labels: tuple[str, ...]) -> tuple[Sample, ...]:
    samples = []
    for index, label in enumerate(labels):
        for path in sorted((folder / label).rglob("*")) if (folder / label).is_dir() else []:
            if path.suffix.lower() in EXTENSIONS and path.is_file():
                samples.append(Sample(path, index))
            elif path.is_file() and not path.name.startswith("."):
                warn(f"{path} is not a picture by its name and is left out")
    return tuple(samples)


def stratified(samples: tuple[Sample, ...], ratios: Ratios, seed: int) -> dict[str, tuple[Sample, ...]]:
    """Each class is shuffled and cut at the same ratios; a part with a ratio above 0 gets at least one of 3 or more."""
    parts: dict[str, list[Sample]] = {split: [] for split in SPLITS}
    rng = np.random.default_rng(seed)
    for label in sorted({s.label for s in samples}):
        mine = [s for s in samples if s.label == label]
        mine = [mine[i] for i in rng.permutation(len(mine))]
        held_out = [max(round(len(mine) * r), 1 if r > 0 and len(mine) >= 3 else 0) for r in ratios[1:]]
        cuts = np.cumsum([0, len(mine) - sum(held_out), *held_out])
        for split, start, end in zip(SPLITS, cuts[:-1], cuts[1:], strict=True):
            parts[split] += mine[start:end]
    return {split: tuple(sorted(part, key=lambda s: s.path)) for split, part in parts.items()}


def fill_missing(
    root: Path,
    splits: dict[str, tuple[Sample, ...]],
    ratios: Ratios,
    seed: int,
    cut: Callable[[tuple[Sample, ...], Ratios, int], dict[str, tuple[Sample, ...]]] = stratified,
    said: str = "has no {split} folder: {count} pictures of train/ set aside",
) -> dict[str, tuple[Sample, ...]]:
    """Splits that have no pictures of their own get some of train's, `cut` off by label."""
    missing = [k for k in ("val", "test") if not splits[k]]
    if not missing:
        return splits
    wanted = [ratios[SPLITS.index(k)] if k in missing else 0.0 for k in ("val", "test")]
    parts = cut(splits["train"], (1 - math.fsum(wanted), wanted[0], wanted[1]), seed)
    for k in missing:
        say(f"{root} {said.format(split=k, count=len(parts[k]))} (seed {seed})")
    return {"train": parts["train"]} | {k: parts[k] if k in missing else splits[k] for k in ("val", "test")}


def fingerprint(dataset: Dataset) -> str:
    """A digest of every picture's bytes, label and part; file names and places do not matter."""
    lines = sorted(
        f"{split}\0{dataset.names(s, LABEL_BREAK)}\0{s.digest()}\n"
        for split, samples in dataset.splits.items()
        for s in samples
    )
    return "sha256:" + hashlib.sha256("".join(lines).encode()).hexdigest()


def open_picture(path: Path, color: str) -> Image.Image:
    """Decode upright (EXIF orientation applied, as the runtime does) and in the wanted colour mode."""
    try:
        with Image.open(path) as picture:
            upright = ImageOps.exif_transpose(picture).convert("RGB")
            return upright.convert("L") if color == "GRAY" else upright
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise TrainerError(
            f"{path} cannot be read as a picture: {error}", "run `ocelli-train lint` for all such files"
        ) from error
