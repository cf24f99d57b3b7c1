"""What wins over what among flags, preset, file and old run; and what cannot be asked for at once. Needs no torch."""

from pathlib import Path

import pytest

from ocelli_trainer import config
from ocelli_trainer.cli import make_parser
from ocelli_trainer.config import Config
from ocelli_trainer.errors import TrainerError
from ocelli_trainer.resolve import resolve
from ocelli_trainer.run import RunOptions


def typed(*arguments: str) -> tuple[Config, RunOptions]:
    return resolve(make_parser().parse_args(["train", *arguments]))


def test_the_output_names_the_model_and_its_run() -> None:
    found, options = typed("pictures", "-o", "models/my model.onnx")
    assert found.data.path == "pictures" and found.data.name == "my-model"
    assert options.run.folder == Path("runs/my-model") and options.output == Path("models/my model.onnx")
    found, options = typed("some/pictures")
    assert found.data.name == "pictures" and options.output == Path("runs/pictures/pictures.onnx")


def test_flags_win_over_the_preset_and_the_preset_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("[augment]\nhflip = 0.9\nvflip = 0.9\njitter = 0.9\n[train]\nepochs = 3\nlr = 0.5\n")
    found, _ = typed("pictures", "--config", str(file), "--augment", "light", "--jitter", "0.7", "--lr", "0.25")
    assert (found.augment.jitter, found.train.lr) == (0.7, 0.25)  # flags
    assert (found.augment.hflip, found.augment.vflip) == (0.5, 0.0)  # the preset; what it does not name is off
    assert found.train.epochs == 3 and found.train.batch == Config().train.batch  # the file; the defaults


def test_a_rate_to_be_found_is_no_value_of_the_configuration() -> None:
    found, options = typed("pictures", "--lr", "find")
    assert options.find_lr and found.train.lr == Config().train.lr


def test_a_retraining_is_gentler_and_counts_the_version_up(tmp_path: Path) -> None:
    old = config.with_values(Config(), {"data": {"path": "p", "name": "old"}, "train": {"lr": 0.02}}, "test")
    config.write(old, tmp_path / "config.toml")
    found, options = typed("--from", str(tmp_path), "--add", "more", "-o", "new.onnx")
    assert (found.train.lr, found.export.version, found.data.name) == (0.005, "2", "new")
    assert found.data.add == ("more",) and options.old is not None and options.old.folder == tmp_path


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "no data set is named; give DATA"),
        (("--from", "OLD", "--config", "x.toml"), "--config and --from exclude each other"),
        (("pictures", "--from", "OLD"), "--from keeps the old run's data; give new folders by --add"),
        (("--from", "OLD"), "--from needs new pictures; give their folders by --add"),
        (("--from", "OLD", "--add", "more", "--run-dir", "OLD"), "is also where the new run would be written"),
        (
            ("--resume", "--run-dir", "OLD", "--epochs", "3"),
            "--resume takes everything from the run; also given: train.epochs",
        ),
        (("--from", "nowhere", "--add", "more"), "nowhere holds no run (no config.toml)"),
    ],
)
def test_what_contradicts_itself_is_refused(tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    config.write(config.with_values(Config(), {"data": {"path": "p"}}, "test"), tmp_path / "config.toml")
    with pytest.raises(TrainerError) as caught:
        typed(*(str(tmp_path) if argument == "OLD" else argument for argument in arguments))
    assert message in str(caught.value)
