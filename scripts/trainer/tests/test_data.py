"""Finding and splitting labelled pictures."""

from pathlib import Path

import pytest
from conftest import Maker
from small_sets import picture

from ocelli_trainer.data import dataset as data
from ocelli_trainer.errors import TrainerError

SHARES = (0.6, 0.2, 0.2)


def counts(dataset: data.Dataset) -> dict[str, list[int]]:
    return {k: [sum(s.label == i for s in v) for i in range(len(dataset.labels))] for k, v in dataset.splits.items()}


def test_one_tree_is_split_by_class_and_seed(make_set: Maker) -> None:
    root = make_set("flat", {".": 10})
    first, again, other = (data.load(root, "x", SHARES, seed) for seed in (0, 0, 1))
    assert first.labels == ("left", "middle", "right")
    assert counts(first) == {"train": [6, 6, 6], "val": [2, 2, 2], "test": [2, 2, 2]}
    assert first.splits == again.splits and first.splits != other.splits
    paths = [s.path for part in first.splits.values() for s in part]
    assert len(paths) == len(set(paths)) == 30


def test_ready_made_splits_are_kept_and_a_missing_val_is_said(
    make_set: Maker, capsys: pytest.CaptureFixture[str]
) -> None:
    root = make_set("ready", {"train": 10, "test": 3})
    found = data.load(root, "x", SHARES, 0)
    assert counts(found) == {"train": [8, 8, 8], "val": [2, 2, 2], "test": [3, 3, 3]}
    assert {s.path.parts[-3] for s in found.splits["val"]} == {"train"}
    assert "has no val folder: 6 pictures of train/ set aside" in capsys.readouterr().err


def test_validation_may_be_called_valid(make_set: Maker) -> None:
    found = data.load(make_set("v", {"train": 4, "valid": 2, "test": 2}), "x", SHARES, 0)
    assert counts(found)["val"] == [2, 2, 2]


def test_one_class_is_refused(make_set: Maker) -> None:
    with pytest.raises(TrainerError, match=r"expected at least 2 classes, found 1 \['only'\]; add a folder per class"):
        data.load(make_set("one", {"train": 3}, ("only",)), "x", SHARES, 0)


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainerError, match="is not a folder; name a folder of class folders"):
        data.load(tmp_path / "nowhere", "x", SHARES, 0)


def test_other_files_are_left_out_and_said(make_set: Maker, capsys: pytest.CaptureFixture[str]) -> None:
    root = make_set("notes", {"train": 3, "val": 1, "test": 1})
    (root / "train" / "left" / "notes.txt").write_text("x")
    assert counts(data.load(root, "x", SHARES, 0))["train"] == [3, 3, 3]
    assert "notes.txt is not a picture by its name and is left out" in capsys.readouterr().err


def test_the_fingerprint_follows_content_and_not_names(make_set: Maker) -> None:
    root = make_set("print", {"train": 3, "val": 1, "test": 1})
    before = data.fingerprint(data.load(root, "x", SHARES, 0))
    (root / "train" / "left" / "000.png").rename(root / "train" / "left" / "renamed.png")
    assert data.fingerprint(data.load(root, "x", SHARES, 0)) == before
    picture(0, 99).save(root / "train" / "left" / "renamed.png")
    assert data.fingerprint(data.load(root, "x", SHARES, 0)) != before


def test_pictures_are_opened_upright(tmp_path: Path) -> None:
    upright = picture(0, 0, width=20, height=16)
    exif = upright.getexif()
    exif[0x0112] = 6  # turned by a quarter, as phones write it
    upright.save(tmp_path / "turned.jpg", exif=exif)
    assert data.open_picture(tmp_path / "turned.jpg", "RGB").size == (16, 20)
    assert data.open_picture(tmp_path / "turned.jpg", "GRAY").mode == "L"
