"""Adds newly labelled pictures to a data set, and never to its test split: old and new are measured on the same."""

import dataclasses
from pathlib import Path

from ocelli_trainer.data import tables
from ocelli_trainer.data.dataset import SPLITS, Dataset, Sample, class_names, samples_of, stratified
from ocelli_trainer.data.iterative import iterative
from ocelli_trainer.errors import TrainerError, say, warn

UNKNOWN = "unknown"  # the folder in which the runtime collects what it would not name


def extend(dataset: Dataset, folders: list[Path], ratios: tuple[float, float, float], seed: int) -> Dataset:
    """Add the folders' pictures to train and val; the test split stays as it is."""
    if not folders:
        return dataset
    known = {s.digest() for split in SPLITS for s in dataset.splits[split]}
    fresh: list[Sample] = []
    for folder in folders:
        found = (tables.labelled if dataset.independent else _labelled)(folder, dataset.labels)
        new = []
        for sample in found:
            digest = sample.digest()
            if digest not in known:
                new.append(sample)
            known.add(digest)
        if len(new) < len(found):
            warn(f"{folder}: pictures left out, since the data set holds them already: {len(found) - len(new)}")
        fresh += new
    if not fresh:
        raise TrainerError(f"no new pictures in {', '.join(map(str, folders))}", "add some or leave --add out")
    val = ratios[1] / (ratios[0] + ratios[1])
    parts = (iterative if dataset.independent else stratified)(tuple(fresh), (1 - val, val, 0.0), seed)
    say(f"added {len(parts['train'])} pictures to train and {len(parts['val'])} to val; test stays as it was")
    return dataclasses.replace(dataset, splits={k: (*dataset.splits[k], *parts[k]) for k in SPLITS})


def _labelled(folder: Path, labels: tuple[str, ...]) -> tuple[Sample, ...]:
    if not folder.is_dir():
        raise TrainerError(f"--add {folder} is not a folder", "name a folder of class folders")
    names = class_names([folder])
    strange = [n for n in names if n not in labels and n != UNKNOWN]
    if strange:
        raise TrainerError(
            f"--add {folder}: classes the model does not know: {strange}",
            "sort these pictures into known classes, or train afresh with the new class",
        )
    if UNKNOWN in names and UNKNOWN not in labels:
        warn(f"{folder / UNKNOWN} is left out: its pictures have no label yet")
    return samples_of(folder, labels)
