"""A small set of several labels per picture, made on the spot: a bright band for each label that is there."""

import csv
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image

BANDS = ("left", "mid 'x'", "r🍎<b>")
SHARES = (0.5, 0.4, 0.25)  # of pictures that have each


def picture(labels: Iterable[int], seed: int, width: int = 20, height: int = 16) -> Image.Image:
    rng = np.random.default_rng([9, seed])
    values = rng.integers(0, 60, (height, width, 3))
    for label in labels:
        values[:, label * 7 : label * 7 + 5] += rng.integers(1, 40)
    return Image.fromarray(values.astype(np.uint8))


def write_tables(root: Path, splits: dict[str, int], start: int = 0) -> Path:
    """So many pictures in each split, and a table of names beside them."""
    for split, count in splits.items():
        (root / split).mkdir(parents=True)
        rows = []
        for i in range(start, start + count):
            having = [label for label, there in enumerate(np.random.default_rng([5, i]).random(3) < SHARES) if there]
            picture(having, i).save(root / split / f"{i:04d}.png")
            rows.append((f"{split}/{i:04d}.png", ";".join(BANDS[label] for label in having)))
        write_table(root / f"{split}.csv", [("file", "labels"), *rows])
        start += count
    return root


def write_table(file: Path, rows: Iterable[Iterable[object]]) -> Path:
    with file.open("w", encoding="utf-8", newline="") as text:
        csv.writer(text).writerows(rows)
    return file
