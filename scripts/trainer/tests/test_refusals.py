"""Trainings that cannot be: each ends in one clear sentence, before anything is spoilt."""

import shutil
from pathlib import Path

import pytest
from small_sets import picture
from trainings import FAST, train

from ocelli_trainer import cli

pytestmark = pytest.mark.torch
pytest.importorskip("torch", reason="torch is not installed")


@pytest.mark.parametrize(
    ("damage", "code", "message"),
    [
        ("corrupt", 1, "unreadable: files that are not whole pictures: 1"),
        ("leak", 1, "leakage: the same file in more than one split: 1 found"),
        ("empty class", 1, "no training pictures of 'none'"),
        ("one class", 2, "expected at least 2 classes, found 1"),
        ("no folder", 2, "is not a folder"),
    ],
)
def test_bad_data_ends_in_one_clear_sentence(
    place: Path, tmp_path: Path, damage: str, code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "bad"
    if damage != "no folder":
        shutil.copytree(place / "set", root)
    if damage == "corrupt":
        (root / "train" / "left" / "000.png").write_bytes(b"\x89PNG nonsense")
    elif damage == "leak":
        shutil.copy(root / "train" / "left" / "000.png", root / "test" / "left" / "leak.png")
    elif damage == "empty class":
        (root / "train" / "none").mkdir()
    elif damage == "one class":
        for folder in root.glob("*/*"):
            if folder.name != "left":
                shutil.rmtree(folder)
    assert cli.main(["train", str(root), *FAST, "--run-dir", str(tmp_path / "run")]) == code
    said = capsys.readouterr().err
    assert message in said and "Traceback" not in said
    assert not (tmp_path / "run" / "best.pt").exists()


def test_force_goes_on_with_what_can_be_read_and_later_changes_are_noticed(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "odd"
    shutil.copytree(place / "set", root)
    shutil.copy(root / "train" / "left" / "000.png", root / "test" / "left" / "leak.png")
    picture(0, 0, 1, 1).save(root / "train" / "left" / "pixel.png")
    (root / "train" / "left" / "broken.png").write_bytes(b"nothing")
    assert cli.main(["train", str(root), *FAST, "--run-dir", str(tmp_path / "run"), "--force"]) == 0
    said = capsys.readouterr().err
    assert "continuing, as asked by --force, without what cannot be read" in said
    assert "pictures with a side under 8 pixels: 1" in said
    picture(0, 77).save(root / "test" / "left" / "000.png")
    assert cli.main(["export", str(tmp_path / "run"), "-o", str(tmp_path / "again.onnx")]) == 2
    assert "pictures of this run have changed since it was trained; restore them" in capsys.readouterr().err


def test_weights_that_do_not_fit_are_refused(
    place: Path, base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.pt").write_bytes(b"nothing")
    for weights, message in (
        (tmp_path / "bad.pt", "is not a file of PyTorch weights"),
        (tmp_path / "none.pt", "does not exist"),
        (base / "best.pt", "holds no weights that fit this architecture"),
    ):
        flags = ("--model", "resnet18", "--weights", str(weights), "--overwrite")
        assert train(place, "misfit", *flags) == 2
        assert message in capsys.readouterr().err


def test_impossible_options_are_refused_before_any_picture_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for flags, message in (
        (["--model", "vgg99"], "unknown architecture 'vgg99'"),
        (["--model", "resnet18", "--color", "GRAY"], "resnet18 takes RGB only"),
        (["--size", "3"], "expected N or WIDTHxHEIGHT of 8 to 4096 pixels, found '3'"),
        (["--resize", "16"], "--resize 16 is less than the input of 32x32"),
        (["--color", "GRAY", "--normalise", "imagenet"], "--normalise imagenet needs three channels"),
    ):
        assert cli.main(["train", str(tmp_path / "nowhere"), "--run-dir", str(tmp_path / "r"), *flags]) == 2
        assert message in capsys.readouterr().err
    assert not (tmp_path / "r").exists()
