"""Small data sets made on the spot, so that the tests need no files and no network."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

Maker = Callable[..., Path]


def picture(label: int, seed: int, width: int = 20, height: int = 16) -> Image.Image:
    """Noise around a bright band whose place tells the label: easy to learn, no two alike."""
    rng = np.random.default_rng([label, seed])
    values = rng.integers(0, 60, (height, width, 3))
    values[:, label * 5 : label * 5 + 5] += 150
    return Image.fromarray(values.astype(np.uint8))


@pytest.fixture
def make_set(tmp_path: Path) -> Maker:
    """`make_set("name", {"train": 6, "val": 2}, ("a", "b"))` writes class folders and returns their root."""

    def make(name: str, splits: dict[str, int], labels: tuple[str, ...] = ("left", "middle", "right")) -> Path:
        root = tmp_path / name
        start = 0
        for split, count in splits.items():
            for index, label in enumerate(labels):
                folder = root / split / label
                folder.mkdir(parents=True)
                for i in range(count):
                    picture(index, start + i).save(folder / f"{i:03d}.png")
            start += count
        return root

    return make
