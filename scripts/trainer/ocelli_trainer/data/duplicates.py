"""Finds pictures that stand in a data set twice: the same file, or nearly the same picture."""

from collections import defaultdict
from collections.abc import Iterator

import numpy as np

from ocelli_trainer.data.findings import Finding
from ocelli_trainer.data.inspection import Inspection

NEAR_HASH = 4  # differing bits of the 64-bit difference hash, then confirmed on thumbnails:
NEAR_GREY = 3.0  # mean difference in grey levels; the hash alone takes flat pictures for twins
MAX_PAIRWISE = 20_000  # pictures; the search compares all pairs


def exact_duplicates(pictures: list[Inspection]) -> Iterator[Finding]:
    groups: dict[bytes, list[Inspection]] = defaultdict(list)
    for picture in pictures:
        groups[picture.digest].append(picture)
    twins = [g for g in groups.values() if len(g) > 1]
    yield from _grouped(
        [g for g in twins if len({p.label for p in g}) > 1],
        "error",
        "contradiction",
        "the same file under different labels",
    )
    alike = [g for g in twins if len({p.label for p in g}) == 1]
    yield from _grouped(
        [g for g in alike if len({p.split for p in g}) > 1],
        "error",
        "leakage",
        "the same file in more than one split",
    )
    yield from _grouped(
        [g for g in alike if len({p.split for p in g}) == 1], "warning", "duplicates", "the same file twice"
    )


def _grouped(groups: list[list[Inspection]], level: str, kind: str, text: str) -> Iterator[Finding]:
    if groups:
        yield Finding(level, kind, f"{text}: {len(groups)} found", [" = ".join(p.name for p in g) for g in groups])


def near_duplicates(pictures: list[Inspection]) -> Iterator[Finding]:
    if len(pictures) > MAX_PAIRWISE:
        yield Finding(
            "note",
            "near duplicates",
            f"not searched: {len(pictures)} pictures, all pairs are compared up to {MAX_PAIRWISE}",
        )
        return
    pairs = list(_near_pairs(pictures))
    across = [[a, b] for a, b in pairs if a.split != b.split]
    yield from _grouped(across, "warning", "suspected leakage", "nearly the same picture in two splits")
    within = [[a, b] for a, b in pairs if a.split == b.split]
    yield from _grouped(within, "note", "near duplicates", "nearly the same picture within a split")


def _near_pairs(pictures: list[Inspection], block: int = 256) -> Iterator[tuple[Inspection, Inspection]]:
    """Pairs of close difference hash and close thumbnail that are not the same file."""
    if not pictures:
        return
    hashes = np.stack([p.hash for p in pictures]).view(np.uint64)[:, 0]
    thumbs = np.stack([p.thumb for p in pictures])
    for start in range(0, len(pictures), block):
        bits = np.bitwise_count(hashes[start : start + block, None] ^ hashes[None])
        for i, j in zip(*np.nonzero(bits <= NEAR_HASH), strict=True):
            a, b = start + int(i), int(j)
            if a < b and pictures[a].digest != pictures[b].digest and np.abs(thumbs[a] - thumbs[b]).mean() <= NEAR_GREY:
                yield pictures[a], pictures[b]
