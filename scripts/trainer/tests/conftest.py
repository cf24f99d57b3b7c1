"""What several tests share: a maker of small data sets, one set to train on, and one training with everything on."""

from collections.abc import Callable
from pathlib import Path

import pytest
from small_sets import write_set
from trainings import LABELS, train

Maker = Callable[..., Path]


@pytest.fixture
def make_set(tmp_path: Path) -> Maker:
    """`make_set("name", {"train": 6, "val": 2}, ("a", "b"))` writes class folders and returns their root."""

    def make(name: str, splits: dict[str, int], labels: tuple[str, ...] = ("left", "middle", "right")) -> Path:
        return write_set(tmp_path / name, splits, labels)

    return make


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where trainings are tried: `set` to train on; their files and run folders come beside it."""
    root = tmp_path_factory.mktemp("place")
    write_set(root / "set", {"train": 40, "val": 12, "test": 16}, LABELS)
    return root


@pytest.fixture(scope="session")
def base(place: Path) -> Path:
    """One training with everything on; its run folder."""
    assert train(place, "base", "--augment", "light", "--int8", "--fp16", "--torchscript", "--force") == 0
    return place / "base"
