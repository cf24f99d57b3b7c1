"""What the lint finds, and what it says."""

import json
import shutil
import time
from pathlib import Path

import pytest
from conftest import Maker
from PIL import Image
from small_sets import picture

from ocelli_trainer import cli
from ocelli_trainer.data import dataset as data
from ocelli_trainer.data import lint
from ocelli_trainer.data.dataset import Dataset, Sample
from ocelli_trainer.data.findings import Finding

SHARES = (0.6, 0.2, 0.2)


def findings(root: Path) -> dict[str, Finding]:
    return {f.kind: f for f in lint.lint(data.load(root, root.name, SHARES, 0)).findings}


@pytest.fixture
def clean(make_set: Maker) -> Path:
    return make_set("clean", {"train": 12, "val": 3, "test": 3})


def test_a_clean_set_has_no_findings(clean: Path) -> None:
    assert findings(clean) == {}


def test_unreadable_files_are_errors(clean: Path) -> None:
    (clean / "train" / "left" / "000.png").write_bytes(b"no picture")
    half = (clean / "train" / "left" / "001.png").read_bytes()
    (clean / "train" / "left" / "001.png").write_bytes(half[: len(half) // 2])
    (clean / "train" / "left" / "002.png").write_bytes(b"")
    found = findings(clean)["unreadable"]
    assert found.level == "error" and found.files == [f"train/left/00{i}.png" for i in range(3)]


def test_the_same_file_in_two_splits_is_leakage(clean: Path) -> None:
    shutil.copy(clean / "train" / "left" / "000.png", clean / "test" / "left" / "copy.png")
    found = findings(clean)["leakage"]
    assert found.level == "error" and found.files == ["train/left/000.png = test/left/copy.png"]


def test_the_same_file_under_two_labels_is_a_contradiction(clean: Path) -> None:
    shutil.copy(clean / "train" / "left" / "000.png", clean / "train" / "right" / "copy.png")
    found = findings(clean)
    assert found["contradiction"].level == "error" and "leakage" not in found and "duplicates" not in found


def test_the_same_file_twice_in_a_split_is_a_warning(clean: Path) -> None:
    shutil.copy(clean / "train" / "left" / "000.png", clean / "train" / "left" / "copy.png")
    assert findings(clean)["duplicates"].level == "warning"


def test_a_recompressed_copy_across_splits_is_suspected(clean: Path) -> None:
    smooth = picture(0, 1).resize((64, 48), Image.Resampling.BICUBIC)
    smooth.save(clean / "train" / "left" / "smooth.png")
    smooth.save(clean / "test" / "left" / "smooth.jpg", quality=90)
    assert findings(clean)["suspected leakage"].files == ["train/left/smooth.png = test/left/smooth.jpg"]


def test_flat_pictures_of_different_brightness_are_no_twins(clean: Path) -> None:
    for level in (20, 120):
        Image.new("RGB", (20, 16), (level,) * 3).save(clean / "train" / "left" / f"flat{level}.png")
    assert "near duplicates" not in findings(clean)


def test_an_empty_class_is_an_error(clean: Path) -> None:
    (clean / "train" / "none").mkdir()
    found = findings(clean)["empty class"]
    assert found.level == "error" and "no training pictures of 'none'" in found.text


def test_thin_and_uneven_classes_are_warnings(make_set: Maker) -> None:
    root = make_set("uneven", {"train": 2, "val": 1, "test": 1})
    for i in range(30):
        picture(0, 1000 + i).save(root / "train" / "left" / f"more{i}.png")
    found = findings(root)
    assert found["thin class"].text == "fewer than 10 training pictures of 'middle', 'right'"
    assert found["imbalance"].text == "classes hold 2 to 32 training pictures; see --balance"


def test_one_pixel_and_deep_pictures_are_warnings(clean: Path) -> None:
    Image.new("RGB", (1, 1)).save(clean / "train" / "left" / "one.png")
    Image.new("I;16", (20, 16)).save(clean / "train" / "left" / "deep.png")
    found = findings(clean)
    assert found["tiny pictures"].files == ["train/left/one.png"]
    assert found["deep pictures"].files == ["train/left/deep.png"]
    assert found["mixed sizes"].text == "2 sizes, from 1x1 to 20x16"


def test_odd_label_names_pass_and_confusable_ones_are_warned_of(make_set: Maker) -> None:
    labels = ('with "quotes"', "it's", "two words", "🍎", "Ünïcode")
    assert findings(make_set("odd", {"train": 10, "val": 1, "test": 1}, labels)).keys() <= {"near duplicates"}
    found = findings(make_set("alike", {"train": 10, "val": 1, "test": 1}, ("Cat", "cat", "dog")))
    assert "['Cat', 'cat']" in found["label names"].text


def test_two_thousand_classes_are_looked_at_in_seconds(tmp_path: Path) -> None:
    path = tmp_path / "same.png"
    picture(0, 0).save(path)
    labels = tuple(f"class {i:04d}" for i in range(2000))
    samples = tuple(Sample(path, i) for i in range(2000))
    started = time.monotonic()
    report = lint.lint(Dataset("many", tmp_path, labels, {"train": samples, "val": samples, "test": samples}))
    assert time.monotonic() - started < 30
    assert [f.kind for f in report.errors] == ["contradiction"]
    assert "and 1995 more classes" in next(f.text for f in report.findings if f.kind == "thin class")


def test_the_command_prints_json_and_exits_with_1_on_errors(clean: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["lint", str(clean)]) == 0
    assert capsys.readouterr().out == "clean: 36 train, 9 val, 9 test\nno findings\n"
    (clean / "test" / "left" / "bad.jpg").write_bytes(b"\xff\xd8\xff")
    assert cli.main(["lint", str(clean), "--format", "json"]) == 1
    shown = capsys.readouterr()
    assert json.loads(shown.out)["findings"][0]["kind"] == "unreadable"
    assert shown.err == f"error: {clean}: errors found in the data: 1\n"
