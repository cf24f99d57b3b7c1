"""Looks for what spoils a training before it is paid for: broken files, duplicates, leakage, thin classes.

An error stops the training unless --force is given; a warning is said and the training goes on.
"""

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from ocelli_trainer.data.dataset import SPLITS, Dataset
from ocelli_trainer.data.duplicates import exact_duplicates, near_duplicates
from ocelli_trainer.data.findings import Finding, LintResult, few
from ocelli_trainer.data.inspection import Inspection, inspect
from ocelli_trainer.data.label_counts import label_counts

THIN_CLASS = 10  # training pictures below which a class can hardly be learnt
IMBALANCE = 10  # largest class over smallest
TINY_SIDE = 8  # pixels
PLAIN_MODES = {"L", "RGB"}
# Errors that --force cannot do without.
HOPELESS = {"empty class", "empty split", "label never there", "label always there"}


def lint(dataset: Dataset) -> LintResult:
    pictures: list[Inspection] = []
    broken: list[tuple[str, str]] = []
    for split, samples in dataset.splits.items():
        for sample in samples:
            name = _display_name(sample.path, dataset.root)
            inspected = inspect(sample.path, split, dataset.names(sample), name)
            if isinstance(inspected, Inspection):
                pictures.append(inspected)
            else:
                broken.append((name, inspected))
    counts = {split: _count(dataset, split) for split in SPLITS}
    findings = [
        *_unreadable(broken),
        *_label_names(dataset.labels),
        *(label_counts(dataset) if dataset.independent else _class_sizes(dataset)),
        *exact_duplicates(pictures),
        *near_duplicates(pictures),
        *_sizes_and_modes(pictures),
    ]
    order = {"error": 0, "warning": 1, "note": 2}
    sizes = {split: len(dataset.splits[split]) for split in SPLITS}
    return LintResult(dataset.name, counts, sorted(findings, key=lambda f: order[f.level]), sizes)


def without_unreadable(dataset: Dataset, result: LintResult) -> Dataset:
    broken = {name for finding in result.errors if finding.kind == "unreadable" for name in finding.files}
    splits = {
        split: tuple(s for s in samples if _display_name(s.path, dataset.root) not in broken)
        for split, samples in dataset.splits.items()
    }
    return replace(dataset, splits=splits)


def _count(dataset: Dataset, split: str) -> dict[str, int]:
    count = Counter(label for s in dataset.splits[split] for label in s.labels)
    return {label: count[i] for i, label in enumerate(dataset.labels)}


def _display_name(path: Path, root: Path) -> str:
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)


def _unreadable(broken: list[tuple[str, str]]) -> Iterator[Finding]:
    if broken:
        reasons = "; ".join(sorted({reason for _, reason in broken})[:3])
        yield Finding(
            "error",
            "unreadable",
            f"files that are not whole pictures: {len(broken)} ({reasons})",
            [n for n, _ in broken],
        )


def _label_names(labels: tuple[str, ...]) -> Iterator[Finding]:
    odd = [s for s in labels if s != s.strip() or any(unicodedata.category(c) in ("Cc", "Cs") for c in s)]
    if odd:
        level = "error" if any(unicodedata.category(c) == "Cs" for s in odd for c in s) else "warning"
        yield Finding(level, "label names", f"blanks at an end, control or non-Unicode characters: {odd!r}")
    folded: dict[str, list[str]] = defaultdict(list)
    for label in labels:
        folded[unicodedata.normalize("NFKC", label).casefold()].append(label)
    twins = [group for group in folded.values() if len(group) > 1]
    if twins:
        yield Finding("warning", "label names", f"these differ in case or encoding only: {twins!r}")


def _class_sizes(dataset: Dataset) -> Iterator[Finding]:
    count = {split: _count(dataset, split) for split in SPLITS}
    empty = [label for label in dataset.labels if not count["train"][label]]
    thin = [label for label in dataset.labels if 0 < count["train"][label] < THIN_CLASS]
    if empty:
        yield Finding("error", "empty class", f"no training pictures of {few(empty)}; add some or remove the folder")
    if thin:
        yield Finding("warning", "thin class", f"fewer than {THIN_CLASS} training pictures of {few(thin)}")
    for split in ("val", "test"):
        missing = [label for label in dataset.labels if not count[split][label]]
        if not dataset.splits[split]:
            yield Finding("error", "empty split", f"no {split} pictures; add some or change --split")
        elif missing:
            yield Finding("warning", "unmeasured class", f"no {split} pictures of {few(missing)}")
    sizes = [n for n in count["train"].values() if n]
    if sizes and max(sizes) > IMBALANCE * min(sizes):
        yield Finding(
            "warning", "imbalance", f"classes hold {min(sizes)} to {max(sizes)} training pictures; see --balance"
        )


def _sizes_and_modes(pictures: list[Inspection]) -> Iterator[Finding]:
    tiny = [p.name for p in pictures if min(p.size) < TINY_SIDE]
    if tiny:
        yield Finding("warning", "tiny pictures", f"pictures with a side under {TINY_SIDE} pixels: {len(tiny)}", tiny)
    sizes = {p.size for p in pictures}
    if len(sizes) > 1:
        areas = sorted(sizes, key=lambda s: s[0] * s[1])
        text = f"{len(sizes)} sizes, from {areas[0][0]}x{areas[0][1]} to {areas[-1][0]}x{areas[-1][1]}"
        yield Finding("note", "mixed sizes", text)
    modes = Counter(p.mode for p in pictures)
    if set(modes) - PLAIN_MODES or len(modes) > 1:
        yield Finding("note", "mixed modes", ", ".join(f"{n} {mode}" for mode, n in modes.most_common()))
    deep = [p.name for p in pictures if p.mode.startswith(("I", "F"))]
    if deep:
        yield Finding(
            "warning", "deep pictures", f"pictures of more than 8 bits, which are clipped to 255: {len(deep)}", deep
        )
