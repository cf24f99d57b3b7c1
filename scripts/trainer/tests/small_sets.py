"""Small data sets made on the spot, so that the tests need no files and no network."""

from pathlib import Path

import numpy as np
from PIL import Image


def picture(label: int, seed: int, width: int = 20, height: int = 16) -> Image.Image:
    """Noise around a bright band whose place tells the label: easy to learn, no two alike."""
    rng = np.random.default_rng([label, seed])
    values = rng.integers(0, 60, (height, width, 3))
    values[:, label * 5 : label * 5 + 5] += 150
    return Image.fromarray(values.astype(np.uint8))


def write_set(root: Path, splits: dict[str, int], labels: tuple[str, ...], start: int = 0) -> Path:
    """Class folders under each split, so many pictures in each; `start` keeps one set's pictures from another's."""
    for split, count in splits.items():
        for index, label in enumerate(labels):
            folder = root / split / label
            folder.mkdir(parents=True)
            for i in range(count):
                picture(index, start + i).save(folder / f"{i:03d}.png")
        start += count
    return root
