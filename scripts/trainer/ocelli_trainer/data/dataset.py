"""Finds the labelled pictures: class folders, already split (train/ val/ test/) or split here.

Needs neither torch nor torchvision: the lint and the tests of data handling run on any machine.
"""

import hashlib
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from ocelli_trainer.errors import TrainerError, say, warn

SPLITS = ("train", "val", "test")
SPLIT_FOLDERS = {"train": ("train",), "val": ("val", "valid", "validation"), "test": ("test",)}
EXTENSIONS = {".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm"}


@dataclass(frozen=True)
class Sample:
    path: Path
    label: int  # index into Dataset.labels

    def digest(self) -> str:
        """SHA-256 of the file's bytes: the same picture under another name has the same."""
        return hashlib.sha256(self.path.read_bytes()).hexdigest()


@dataclass(frozen=True)
class Dataset:
    name: str
    root: Path
    labels: tuple[str, ...]
    splits: dict[str, tuple[Sample, ...]]  # keys: SPLITS

    def case_name(self, sample: Sample) -> str:
        """`class/file`, which says what the picture shows and where it is from."""
        return f"{self.labels[sample.label]}/{sample.path.name}"


def load(root: Path, name: str, ratios: tuple[float, float, float], seed: int) -> Dataset:
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
        splits = _fill_missing(root, splits, ratios, seed)
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


def stratified(
    samples: tuple[Sample, ...], ratios: tuple[float, float, float], seed: int
) -> dict[str, tuple[Sample, ...]]:
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


def _fill_missing(
    root: Path, splits: dict[str, tuple[Sample, ...]], ratios: tuple[float, float, float], seed: int
) -> dict[str, tuple[Sample, ...]]:
    missing = [k for k in ("val", "test") if not splits[k]]
    if not missing:
        return splits
    wanted = [ratios[SPLITS.index(k)] if k in missing else 0.0 for k in ("val", "test")]
    cut = stratified(splits["train"], (1 - math.fsum(wanted), wanted[0], wanted[1]), seed)
    for k in missing:
        say(f"{root} has no {k} folder: {len(cut[k])} pictures of train/ set aside (seed {seed})")
    return {"train": cut["train"]} | {k: cut[k] if k in missing else splits[k] for k in ("val", "test")}


def fingerprint(dataset: Dataset) -> str:
    """A digest of every picture's bytes, label and part; file names and places do not matter."""
    lines = sorted(
        f"{split}\0{dataset.labels[s.label]}\0{s.digest()}\n"
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
