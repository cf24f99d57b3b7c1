"""Goes on from an older run with new labelled pictures, and compares old with new on the untouched test split."""

import dataclasses
import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from ocelli_trainer.data.dataset import SPLITS, Dataset, Sample, class_names, samples_of, stratified
from ocelli_trainer.errors import TrainerError, say, warn
from ocelli_trainer.fit import metrics
from ocelli_trainer.fit.evaluation import Scores

UNKNOWN = "unknown"  # the folder in which the runtime collects what it would not name


def extend(dataset: Dataset, folders: list[Path], ratios: tuple[float, float, float], seed: int) -> Dataset:
    """Add the folders' pictures to train and val; the test split stays as it is."""
    if not folders:
        return dataset
    known = {_digest(s) for split in SPLITS for s in dataset.splits[split]}
    fresh: list[Sample] = []
    for folder in folders:
        found = _labelled(folder, dataset.labels)
        new = []
        for sample in found:
            digest = _digest(sample)
            if digest not in known:
                new.append(sample)
            known.add(digest)
        if len(new) < len(found):
            warn(f"{folder}: {len(found) - len(new)} pictures are already in the data set and are left out")
        fresh += new
    if not fresh:
        raise TrainerError(f"no new pictures in {', '.join(map(str, folders))}", "add some or leave --add out")
    val = ratios[1] / (ratios[0] + ratios[1])
    parts = stratified(tuple(fresh), (1 - val, val, 0.0), seed)
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


def _digest(sample: Sample) -> bytes:
    return hashlib.sha256(sample.path.read_bytes()).digest()


def compare(old: Scores, new: Scores, labels: tuple[str, ...]) -> dict[str, Any]:
    """Both on the same test pictures; also how many each gets right that the other does not."""
    result: dict[str, Any] = {"test_pictures": len(new.truth)}
    for name, scores in (("old", old), ("new", new)):
        measured = metrics.measure(scores.logits, scores.truth, labels, 1.0)
        result[name] = {
            "accuracy": measured.accuracy,
            "macro_f1": measured.macro_f1,
            "f1": {row.label: row.f1 for row in measured.per_class},
        }
    right = {name: s.logits.argmax(1) == s.truth for name, s in (("old", old), ("new", new))}
    result["mended"] = int(np.sum(right["new"] & ~right["old"]))
    result["broken"] = int(np.sum(right["old"] & ~right["new"]))
    return result


def as_text(comparison: dict[str, Any]) -> str:
    old, new = comparison["old"], comparison["new"]
    lines = [
        f"old => new on the same {comparison['test_pictures']} test pictures: accuracy {old['accuracy']:.4f} =>"
        f" {new['accuracy']:.4f}, macro F1 {old['macro_f1']:.4f} => {new['macro_f1']:.4f},"
        f" {comparison['mended']} mended, {comparison['broken']} broken"
    ]
    lines += [f"  {label:<20} F1 {old['f1'][label]:.4f} => {new['f1'][label]:.4f}" for label in old["f1"]]
    return "\n".join(lines)
