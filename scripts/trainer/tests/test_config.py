"""Hyper-parameters survive their file, and wrong ones are named."""

from pathlib import Path

import pytest

from ocelli_trainer import config
from ocelli_trainer.config import Config
from ocelli_trainer.errors import TrainerError


def test_every_value_survives_its_toml_file(tmp_path: Path) -> None:
    changed = config.with_values(
        Config(),
        {
            "data": {"path": 'odd "path"\\with\ttab and 🍎', "split": [0.5, 0.25, 0.25], "add": ["a", "b"]},
            "train": {"lr": 1e-05, "amp": True, "epochs": 3},
        },
        "test",
    )
    config.write(changed, tmp_path / "config.toml")
    assert config.read(tmp_path / "config.toml") == changed


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[train]\nepoch = 3", "unknown key 'epoch' in [train]; expected one of epochs, batch"),
        ("[training]", "unknown section [training]; expected one of data, model, augment, train, export"),
        ("[train]\nepochs = 0", "train.epochs: expected at least 1, found 0"),
        ("[train]\nepochs = 1.5", "train.epochs: expected int, found 1.5"),
        ("[train]\nlr = true", "train.lr: expected float, found True"),
        ("[train]\nlr = nan", "train.lr: expected at least 0, found nan"),
        ("[train]\noptimizer = 'lion'", "train.optimizer: expected one of adam, adamw, sgd, found 'lion'"),
        ("[train", "is not a TOML file"),
    ],
)
def test_a_wrong_file_names_the_place(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(text)
    with pytest.raises(TrainerError) as caught:
        config.read(path)
    assert message in str(caught.value) and str(path) in str(caught.value)


@pytest.mark.parametrize(("text", "size"), [("32", (32, 32)), ("320x240", (320, 240))])
def test_sizes(text: str, size: tuple[int, int]) -> None:
    assert config.input_size(text) == size


@pytest.mark.parametrize("text", ["", "7", "32x", "32x32x3", "-32", "5000", "³²"])
def test_wrong_sizes_are_refused(text: str) -> None:
    with pytest.raises(TrainerError, match="expected N or WIDTHxHEIGHT of 8 to 4096 pixels"):
        config.input_size(text)


def test_recipes_of_the_bundle_are_read() -> None:
    for path in sorted((Path(config.__file__).parent / "recipes").glob("*.toml")):
        assert config.read(path).data.name == path.stem
