"""Looks for what spoils a training before it is paid for: broken files, duplicates, leakage, thin classes.

An error stops the training unless --force is given; a warning is said and the training goes on.
"""

import hashlib
import io
import json
import unicodedata
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from ocelli_trainer.data.dataset import SPLITS, Dataset

THIN_CLASS = 10  # training pictures below which a class can hardly be learnt
IMBALANCE = 10  # largest class over smallest
TINY_SIDE = 8  # pixels
NEAR_HASH = 4  # differing bits of the 64-bit difference hash, then confirmed on thumbnails:
NEAR_GREY = 3.0  # mean difference in grey levels; the hash alone takes flat pictures for twins
MAX_PAIRWISE = 20_000  # pictures; the search compares all pairs
THUMB = 16
SHOWN = 5  # files named in a finding's text; the JSON names all
PLAIN_MODES = {"L", "RGB"}


@dataclass(frozen=True)
class Finding:
    level: str  # error | warning | note
    kind: str
    text: str
    files: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Report:
    dataset: str
    pictures: dict[str, dict[str, int]]  # split => label => count
    findings: list[Finding]

    @property
    def errors(self) -> list[Finding]:
        return [f for f in self.findings if f.level == "error"]

    def to_json(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False, indent=1)

    def to_text(self) -> str:
        counts = {split: sum(per_label.values()) for split, per_label in self.pictures.items()}
        lines = [f"{self.dataset}: " + ", ".join(f"{n} {split}" for split, n in counts.items())]
        for finding in self.findings:
            more = len(finding.files) - SHOWN
            files = "".join(f"\n    {f}" for f in finding.files[:SHOWN]) + (
                f"\n    and {more} more" if more > 0 else ""
            )
            lines.append(f"{finding.level}: {finding.kind}: {finding.text}{files}")
        return "\n".join(lines if self.findings else [*lines, "no findings"])


@dataclass(frozen=True)
class Look:
    """What one picture showed when it was opened."""

    split: str
    label: str
    name: str  # relative to the data set's root
    digest: bytes
    size: tuple[int, int]
    mode: str
    hash: NDArray[np.uint8]  # 8 bytes
    thumb: NDArray[np.int16]  # THUMB x THUMB grey


def lint(dataset: Dataset) -> Report:
    looks: list[Look] = []
    broken: list[tuple[str, str]] = []
    for split, samples in dataset.splits.items():
        for sample in samples:
            name = display_name(sample.path, dataset.root)
            look = _look(sample.path, split, dataset.labels[sample.label], name)
            if isinstance(look, Look):
                looks.append(look)
            else:
                broken.append((name, look))
    pictures = {split: _count(dataset, split) for split in SPLITS}
    findings = [
        *_unreadable(broken),
        *_label_names(dataset.labels),
        *_class_sizes(dataset),
        *_exact_duplicates(looks),
        *_near_duplicates(looks),
        *_sizes_and_modes(looks),
    ]
    order = {"error": 0, "warning": 1, "note": 2}
    return Report(dataset.name, pictures, sorted(findings, key=lambda f: order[f.level]))


def _count(dataset: Dataset, split: str) -> dict[str, int]:
    count = Counter(s.label for s in dataset.splits[split])
    return {label: count[i] for i, label in enumerate(dataset.labels)}


def display_name(path: Path, root: Path) -> str:
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)


def _look(path: Path, split: str, label: str, name: str) -> Look | str:
    """The picture's facts, or why it cannot be read."""
    try:
        data = path.read_bytes()
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data)) as picture:
                picture.load()
                size, mode = picture.size, picture.mode
                grey = ImageOps.exif_transpose(picture).convert("L")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        return str(error).replace(repr(path), "").strip() or type(error).__name__
    row = np.asarray(grey.resize((9, 8), Image.Resampling.BILINEAR), np.int16)
    thumb = np.asarray(grey.resize((THUMB, THUMB), Image.Resampling.BILINEAR), np.int16)
    return Look(
        split, label, name, hashlib.sha256(data).digest(), size, mode, np.packbits(row[:, 1:] > row[:, :-1]), thumb
    )


def _unreadable(broken: list[tuple[str, str]]) -> Iterator[Finding]:
    if broken:
        reasons = "; ".join(sorted({reason for _, reason in broken})[:3])
        yield Finding(
            "error", "unreadable", f"{len(broken)} files are no whole pictures ({reasons})", [n for n, _ in broken]
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
        yield Finding("error", "empty class", f"no training pictures of {_few(empty)}; add some or remove the folder")
    if thin:
        yield Finding("warning", "thin class", f"fewer than {THIN_CLASS} training pictures of {_few(thin)}")
    for split in ("val", "test"):
        missing = [label for label in dataset.labels if not count[split][label]]
        if not dataset.splits[split]:
            yield Finding("error", "empty split", f"no {split} pictures; add some or change --split")
        elif missing:
            yield Finding("warning", "unmeasured class", f"no {split} pictures of {_few(missing)}")
    sizes = [n for n in count["train"].values() if n]
    if sizes and max(sizes) > IMBALANCE * min(sizes):
        yield Finding(
            "warning", "imbalance", f"classes hold {min(sizes)} to {max(sizes)} training pictures; see --balance"
        )


def _few(labels: list[str]) -> str:
    shown = ", ".join(repr(s) for s in labels[:SHOWN])
    return shown if len(labels) <= SHOWN else f"{shown} and {len(labels) - SHOWN} more classes"


def _exact_duplicates(looks: list[Look]) -> Iterator[Finding]:
    groups: dict[bytes, list[Look]] = defaultdict(list)
    for look in looks:
        groups[look.digest].append(look)
    twins = [g for g in groups.values() if len(g) > 1]
    yield from _grouped(
        [g for g in twins if len({look.label for look in g}) > 1],
        "error",
        "contradiction",
        "the same file under different labels",
    )
    alike = [g for g in twins if len({look.label for look in g}) == 1]
    yield from _grouped(
        [g for g in alike if len({look.split for look in g}) > 1],
        "error",
        "leakage",
        "the same file in more than one split",
    )
    yield from _grouped(
        [g for g in alike if len({look.split for look in g}) == 1], "warning", "duplicates", "the same file twice"
    )


def _grouped(groups: list[list[Look]], level: str, kind: str, text: str) -> Iterator[Finding]:
    if groups:
        yield Finding(level, kind, f"{text}: {len(groups)} times", [" = ".join(k.name for k in g) for g in groups])


def _near_duplicates(looks: list[Look]) -> Iterator[Finding]:
    if len(looks) > MAX_PAIRWISE:
        yield Finding(
            "note",
            "near duplicates",
            f"not searched: {len(looks)} pictures, all pairs are compared up to {MAX_PAIRWISE}",
        )
        return
    pairs = list(_near_pairs(looks))
    across = [[a, b] for a, b in pairs if a.split != b.split]
    yield from _grouped(across, "warning", "suspected leakage", "nearly the same picture in two splits")
    within = [[a, b] for a, b in pairs if a.split == b.split]
    yield from _grouped(within, "note", "near duplicates", "nearly the same picture within a split")


def _near_pairs(looks: list[Look], block: int = 256) -> Iterator[tuple[Look, Look]]:
    """Pairs of close difference hash and close thumbnail that are not the same file."""
    if not looks:
        return
    hashes = np.stack([k.hash for k in looks]).view(np.uint64)[:, 0]
    thumbs = np.stack([k.thumb for k in looks])
    for start in range(0, len(looks), block):
        bits = np.bitwise_count(hashes[start : start + block, None] ^ hashes[None])
        for i, j in zip(*np.nonzero(bits <= NEAR_HASH), strict=True):
            a, b = start + int(i), int(j)
            if a < b and looks[a].digest != looks[b].digest and np.abs(thumbs[a] - thumbs[b]).mean() <= NEAR_GREY:
                yield looks[a], looks[b]


def _sizes_and_modes(looks: list[Look]) -> Iterator[Finding]:
    tiny = [k.name for k in looks if min(k.size) < TINY_SIDE]
    if tiny:
        yield Finding("warning", "tiny pictures", f"{len(tiny)} have a side under {TINY_SIDE} pixels", tiny)
    sizes = {k.size for k in looks}
    if len(sizes) > 1:
        areas = sorted(sizes, key=lambda s: s[0] * s[1])
        text = f"{len(sizes)} sizes, from {areas[0][0]}x{areas[0][1]} to {areas[-1][0]}x{areas[-1][1]}"
        yield Finding("note", "mixed sizes", text)
    modes = Counter(k.mode for k in looks)
    if set(modes) - PLAIN_MODES or len(modes) > 1:
        yield Finding("note", "mixed modes", ", ".join(f"{n} {mode}" for mode, n in modes.most_common()))
    deep = [k.name for k in looks if k.mode.startswith(("I", "F"))]
    if deep:
        yield Finding("warning", "deep pictures", f"{len(deep)} have more than 8 bits, which are clipped to 255", deep)
