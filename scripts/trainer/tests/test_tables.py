"""Tables of several labels per picture: the forms that `ocelli eval` reads, mistakes by line, splits without leakage."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from label_sets import picture, write_table, write_tables

from ocelli_trainer import cli
from ocelli_trainer.data import dataset as data
from ocelli_trainer.data import table, tables
from ocelli_trainer.data.dataset import Dataset, Sample
from ocelli_trainer.data.iterative import iterative
from ocelli_trainer.errors import TrainerError

SHARES = (0.6, 0.2, 0.2)


def labels(tmp_path: Path, text: str) -> list[list[str]]:
    (tmp_path / "t.csv").write_text(text, "utf-8")
    return [sorted(row.labels) for row in table.read(tmp_path / "t.csv").rows]


def test_labels_stand_in_one_column_or_in_one_each(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The tables of the runtime's own test (eval/table.rs), to the letter."""
    expected = [["bee", "cat"], [], ["ant"]]
    assert labels(tmp_path, "file,labels\na.png,bee; cat\nb.png,\nc.png,ant\n") == expected
    each = "file,cat,ant,bee,note\na.png,1,0,1,x\nb.png,0,0,0,\nc.png,0,1,0,\n"
    assert labels(tmp_path, each) == expected
    assert "line 1: column `note` holds neither 0 nor 1 and is left out" in capsys.readouterr().err
    assert labels(tmp_path, "file,split,ant\na.png,1,0\nb.png,0,1\n") == [["split"], ["ant"]]
    assert labels(tmp_path, "file,note,labels\na.png,x,ant\n") == [["ant"]]
    assert "columns beside `labels` are left out: `note`" in capsys.readouterr().err
    assert labels(tmp_path, '\ufefffile,labels\r\n\r\n"a, b.png", cat ;;bee;cat\r\nb.png,\r\nc.png,ant\r\n') == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "t.csv: no pictures in it; expected a line with names"),
        ("file,labels\n", "t.csv: no pictures in it"),
        ("file\na.png\n", "t.csv, line 1: no labels; expected the picture's path first, then `labels`"),
        ("file,note\na.png,x\n", "t.csv, line 1: no labels"),
        ("file,labels\n\na.png,bee,cat\n", "t.csv, line 3: 3 fields, expected 2 as in line 1"),
        ("file,ant,bee\na.png,1,0\nb.png,1,maybe\n", "t.csv, line 3: `bee` is `maybe`, expected 0 or 1"),
        ("file,ant,bee\na.png,1,0\nb.png,,1\n", "t.csv, line 3: `ant` is ``, expected 0 or 1"),
        ("file,ant,ant\na.png,1,0\n", "t.csv, line 1: two columns are called `ant`"),
        ("file,ant,\na.png,1,0\n", "t.csv, line 1: column 3 has no name"),
        ("file,labels\na.png,labels\n", "a label is called `labels`, like the column"),
        ("file,labels,split\na.png,bee,dev\n", "t.csv, line 2: `split` is `dev`; expected one of train, val"),
        ("file,labels\na.png,bee\nb.png,\na.png,cat\n", "t.csv, line 4: a.png is `cat`, but `bee` in line 2"),
    ],
)
def test_mistakes_say_where_they_are(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(TrainerError) as caught:
        labels(tmp_path, text)
    assert message in str(caught.value)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(b"file,labels\n\xff\xfe.png,a\n")
    with pytest.raises(TrainerError, match=r"t\.csv is not a CSV file in UTF-8"):
        table.read(tmp_path / "t.csv")


def test_lines_that_say_the_same_are_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert labels(tmp_path, "file,labels\na.png,bee\na.png,bee\n") == [["bee"]]
    assert "lines that say again what others have said, left out: 1" in capsys.readouterr().err


def test_a_folder_of_tables_is_split_as_it_says(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = write_tables(tmp_path / "set", {"train": 60, "test": 9})
    found = tables.load(root, "x", SHARES, 0)
    assert found.independent and found.labels == ("left", "mid 'x'", "r🍎<b>")
    assert {k: len(v) for k, v in found.splits.items()} == {"train": 49, "val": 11, "test": 9}
    assert "set tells of no val pictures: 11 of train are set aside (seed 0)" in capsys.readouterr().err
    assert {s.path.parent.name for s in found.splits["test"]} == {"test"}


def test_a_column_says_the_split(tmp_path: Path) -> None:
    rows = [("file", "split", "a", "b"), ("0.png", "train", 1, 0), ("1.png", "valid", 0, 1), ("2.png", "test", 1, 1)]
    for i in range(3):
        picture([0], i).save(tmp_path / f"{i}.png")
    found = tables.load(write_table(tmp_path / "all.csv", rows), "x", SHARES, 0)
    assert {k: [(s.path.name, s.labels) for s in v] for k, v in found.splits.items()} == {
        "train": [("0.png", (0,))],
        "val": [("1.png", (1,))],
        "test": [("2.png", (0, 1))],
    }
    assert found.truth("test").tolist() == [[1, 1]]


def test_labels_of_one_table_are_those_of_all(tmp_path: Path) -> None:
    root = write_tables(tmp_path / "set", {"train": 20, "val": 5, "test": 5})
    file = next(tmp_path.glob("set/test/*.png"))
    write_table(root / "test.csv", [("file", "left", "other"), (file, 1, 0)])
    with pytest.raises(TrainerError, match=r"test.csv, line 1: no column for `mid 'x'`; add it"):
        tables.load(root, "x", SHARES, 0)


def test_a_table_may_hold_pictures_without_labels_alone_but_not_all_may(tmp_path: Path) -> None:
    root = write_tables(tmp_path / "set", {"train": 20, "val": 5, "test": 5})
    write_table(root / "test.csv", [("file", "labels"), *((f.relative_to(root), "") for f in root.glob("test/*.png"))])
    assert tables.load(root, "x", SHARES, 0).truth("test").tolist() == [[0, 0, 0]] * 5
    with pytest.raises(TrainerError, match=r"test.csv: no picture has a label; name some"):
        tables.load(root / "test.csv", "x", SHARES, 0)


def test_pictures_that_are_not_there_are_counted_and_named(tmp_path: Path) -> None:
    file = write_table(tmp_path / "t.csv", [("file", "labels"), ("a.png", "b"), ("c.png", "")])
    with pytest.raises(
        TrainerError, match=r"t.csv: pictures that are not there: 2 \(line 2: .*a.png, line 3: .*c.png\)"
    ):
        tables.load(file, "x", SHARES, 0)


def test_class_folders_beside_a_table_are_what_they_were(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for label, name in enumerate(("a", "b")):
        (tmp_path / "train" / name).mkdir(parents=True)
        for i in range(5):
            picture([label], label * 5 + i).save(tmp_path / "train" / name / f"{i}.png")
    (tmp_path / "train.csv").write_text("file,labels\n")
    assert not tables.load(tmp_path, "x", SHARES, 0).independent
    assert "train.csv is not read, since" in capsys.readouterr().err


def test_what_is_written_for_eval_reads_back(tmp_path: Path) -> None:
    root = write_tables(tmp_path / "set", {"train": 30, "val": 5, "test": 8})
    found = tables.load(root, "x", SHARES, 0)
    (tmp_path / "run").mkdir()
    tables.write(found, "test", tmp_path / "run" / "test.csv")
    again = table.read(tmp_path / "run" / "test.csv")
    assert again.columns == found.labels
    assert [sorted(r.labels) for r in again.rows] == [[found.labels[i] for i in s.labels] for s in found.splits["test"]]
    assert all(row.path.samefile(s.path) for row, s in zip(again.rows, found.splits["test"], strict=True))


def samples(tmp_path: Path, count: int) -> tuple[Sample, ...]:
    """Of 4 labels: half, a fifth, a tenth, and three pictures of `count`."""
    found = []
    for i in range(count):
        (tmp_path / f"{i:04d}").write_text(str(i))
        having = [i % 2 == 0, i % 5 == 0, i % 10 == 3, i in (7, 8, 9)]
        found.append(Sample(tmp_path / f"{i:04d}", *(label for label, there in enumerate(having) if there)))
    return tuple(found)


def test_every_part_gets_its_share_of_every_label_the_rarest_included(tmp_path: Path) -> None:
    given = samples(tmp_path, 200)
    parts = iterative(given, SHARES, 0)
    assert sorted(s.path for part in parts.values() for s in part) == sorted(s.path for s in given)
    truth = {k: Dataset("x", tmp_path, tuple("abcd"), parts, True).truth(k) for k in parts}
    assert np.abs([len(parts[k]) / 200 - share for k, share in zip(parts, SHARES, strict=True)]).max() < 0.02
    counts = np.array([truth[k].sum(0) for k in ("train", "val", "test")])
    assert counts[:, 3].tolist() == [1, 1, 1]
    assert np.abs(counts - np.outer(SHARES, (100, 40, 20, 3))).max() <= 1
    assert parts == iterative(given, SHARES, 0) != iterative(given, SHARES, 1)


def test_copies_of_a_file_never_leak_into_another_part(tmp_path: Path) -> None:
    given = list(samples(tmp_path, 40))
    for sample in given[:20]:
        copy = sample.path.with_suffix(".copy")
        shutil.copy(sample.path, copy)
        given.append(Sample(copy, *sample.labels))
    parts = iterative(tuple(given), SHARES, 3)
    part_of = {s.path: k for k, part in parts.items() for s in part}
    assert all(part_of[s.path] == part_of[s.path.with_suffix(".copy")] for s in given[:20])
    assert {len(part) > 5 for part in parts.values()} == {True}


def test_the_fingerprint_knows_every_label(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")

    def of(*labels: int) -> str:
        return data.fingerprint(Dataset("x", tmp_path, ("a", "b"), {"train": (Sample(tmp_path / "a", *labels),)}, True))

    assert len({of(), of(0), of(1), of(0, 1)}) == 4
    assert of(1, 0) == of(0, 1)


@pytest.mark.parametrize(
    ("rows", "level", "message"),
    [
        ([(1, 1, 0), (0, 0, 0)], "error", "label never there: no training picture has 'c'"),
        ([(1, 1, 1), (0, 1, 0)], "error", "label always there: every training picture has 'b'"),
        ([(1, 0, 1), (0, 1, 0)], "warning", "labels always together: on the same training pictures: [['a', 'c']]"),
        ([(1, 0, 0), (0, 1, 1)] + [(0, 0, 0)] * 20, "warning", "imbalance: fewer than 1 of 11 training pictures have"),
        ([(1, 0, 0), (0, 1, 1)], "warning", "thin label: fewer than 10 training pictures with or without"),
    ],
)
def test_the_lint_tells_of_labels_that_say_nothing(
    tmp_path: Path, rows: list[tuple[int, ...]], level: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for i in range(len(rows) + 2):
        picture([i % 3], i).save(tmp_path / f"{i}.png")
    held_out = [(f"{len(rows) + i}.png", split, 1, 1, 1) for i, split in enumerate(("val", "test"))]
    lines = [(f"{i}.png", "train", *row) for i, row in enumerate(rows)] + held_out
    file = write_table(tmp_path / "t.csv", [("file", "split", "a", "b", "c"), *lines])
    assert cli.main(["lint", str(file)]) == (1 if level == "error" else 0)
    said = capsys.readouterr().out
    assert f"{level}: {message}" in said
    assert f"t.csv: {len(rows)} train, 1 val, 1 test\n" in said
    assert "warning: unmeasured label: no val pictures without 'a', 'b', 'c'" in said


def test_copies_with_other_labels_are_contradictions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = write_tables(tmp_path / "set", {"train": 40, "val": 10, "test": 10})
    file = next(root.glob("train/*.png"))
    shutil.copy(file, root / "train" / "copy.png")
    with (root / "train.csv").open("a") as text:
        text.write("train/copy.png,left;mid 'x';r🍎<b>\n")
    assert cli.main(["lint", str(root)]) == 1
    assert "contradiction: the same file under different labels: 1 found" in capsys.readouterr().out
