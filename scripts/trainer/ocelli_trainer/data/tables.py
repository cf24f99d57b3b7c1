"""Finds pictures of several labels each, or none: one table that is split here, or train.csv with val.csv and test.csv.

Labels are independent of one another. What stands in a table and how is table.py's business.
"""

import csv
import os
from collections.abc import Iterable
from pathlib import Path

from ocelli_trainer.data import dataset as datasets
from ocelli_trainer.data.dataset import SPLIT_FOLDERS, SPLITS, Dataset, Ratios, Sample
from ocelli_trainer.data.iterative import iterative
from ocelli_trainer.data.table import Table, read
from ocelli_trainer.errors import TrainerError, say, warn

SUFFIX = ".csv"
SHOWN = 3  # missing files named in an error


def load(path: Path, name: str, ratios: Ratios, seed: int) -> Dataset:
    """The data set under `path`: a table, a folder of tables, or else class folders."""
    if path.is_file() or (path.suffix.lower() == SUFFIX and not path.is_dir()):
        return _load({"train": read(path)}, path, name, ratios, seed)
    files = {split: _table_file(path, split) for split in SPLITS}
    train = files["train"]
    if train is None:
        return datasets.load(path, name, ratios, seed)
    if any(datasets.class_names([f for f in (path / "train",) if f.is_dir()])):
        warn(f"{train} is not read, since {path / 'train'} holds class folders; name the table itself to learn from it")
        return datasets.load(path, name, ratios, seed)
    return _load({split: read(file) for split, file in files.items() if file}, path, name, ratios, seed)


def labelled(file: Path, labels: tuple[str, ...]) -> tuple[Sample, ...]:
    """The pictures of a table that adds to a data set with these labels."""
    table = read(file)
    strange = sorted({label for row in table.rows for label in row.labels} - set(labels))
    if strange:
        raise TrainerError(
            f"--add {file}: labels the model does not know: {strange}", "leave them out, or train afresh with them"
        )
    _check_columns([table], labels)
    return _samples(table, labels)


def write(dataset: Dataset, split: str, file: Path) -> None:
    """One split as a table, which `ocelli eval` reads; paths are from the table's folder."""
    first = "file"
    while first in dataset.labels:
        first += "_"
    with file.open("w", encoding="utf-8", newline="") as text:
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow([first, *dataset.labels])
        for sample, truth in zip(dataset.splits[split], dataset.truth(split), strict=True):
            writer.writerow([os.path.relpath(sample.path, file.parent), *truth.tolist()])


def _table_file(folder: Path, split: str) -> Path | None:
    found = [f for name in SPLIT_FOLDERS[split] if (f := folder / f"{name}{SUFFIX}").is_file()]
    if len(found) > 1:
        raise TrainerError(f"{folder}: more than one {split} table: {', '.join(f.name for f in found)}", "keep one")
    return found[0] if found else None


def _load(tables: dict[str, Table], place: Path, name: str, ratios: Ratios, seed: int) -> Dataset:
    labels = _labels(list(tables.values()))
    parts: dict[str, list[Sample]] = {split: [] for split in SPLITS}
    told = False
    for split, table in tables.items():
        for row, sample in zip(table.rows, _samples(table, labels), strict=True):
            if row.split and len(tables) > 1 and row.split != split:
                raise TrainerError(
                    f"{table.file}, line {row.line}: `split` is `{row.split}` in the table of {split}",
                    "remove the column, or keep one table",
                )
            told = told or bool(row.split)
            parts[row.split or split].append(sample)
    splits = {split: tuple(sorted(samples, key=lambda s: s.path)) for split, samples in parts.items()}
    if told or len(tables) > 1:
        said = "tells of no {split} pictures: {count} of train are set aside"
        splits = datasets.fill_missing(place, splits, ratios, seed, iterative, said)
    else:
        splits = iterative(splits["train"], ratios, seed)
        say(f"split {place} into " + ", ".join(f"{len(s)} {k}" for k, s in splits.items()) + f" (seed {seed})")
    return Dataset(name, place.parent if place.is_file() else place, labels, splits, independent=True)


def _labels(tables: list[Table]) -> tuple[str, ...]:
    """Those with a column each in the columns' order, else all names by alphabet."""
    with_columns = next((t.columns for t in tables if t.columns), None)
    named = {label for table in tables for row in table.rows for label in row.labels}
    labels = tuple(sorted(named)) if with_columns is None else with_columns
    if not labels:
        raise TrainerError(f"{tables[0].file}: no picture has a label", "name some in the column `labels`")
    _check_columns(tables, tuple(dict.fromkeys((*labels, *sorted(named)))))
    return labels


def _check_columns(tables: Iterable[Table], labels: tuple[str, ...]) -> None:
    """Where labels have columns, none may lack: a column that is not there says neither yes nor no."""
    for table in tables:
        missing = [label for label in labels if label not in table.columns]
        if table.columns and missing:
            raise TrainerError(
                f"{table.file}, line 1: no column for `{missing[0]}`", "add it, with 0 or 1 in each line"
            )


def _samples(table: Table, labels: tuple[str, ...]) -> tuple[Sample, ...]:
    missing = [row for row in table.rows if not row.path.is_file()]
    if missing:
        some = ", ".join(f"line {row.line}: {row.path}" for row in missing[:SHOWN])
        raise TrainerError(
            f"{table.file}: pictures that are not there: {len(missing)} ({some})",
            "paths are from the table's folder; mend them or remove the lines",
        )
    index = {label: i for i, label in enumerate(labels)}
    return tuple(Sample(row.path, *(index[label] for label in row.labels)) for row in table.rows)
