"""The scenes: drawn from their seed alone, and their tables say what is in the pictures."""

import csv
from pathlib import Path

import numpy as np
import pytest

from ocelli_trainer import cli
from ocelli_trainer.data import demo as demo_data
from ocelli_trainer.data import scenes, tables
from ocelli_trainer.data.shapes import CLASSES


def test_the_set_depends_on_its_seed_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_data, "SCENES", {"train": 12, "val": 3, "test": 3})
    for folder, seed in (("a", "0"), ("b", "0"), ("c", "1")):
        assert cli.main(["demo-data", "scenes", str(tmp_path / folder), "--seed", seed]) == 0
    a, b, c = (sorted(p.read_bytes() for p in (tmp_path / f).rglob("*.*")) for f in "abc")
    assert len(a) == 12 + 3 + 3 + 3
    assert a == b and a != c
    found = tables.load(tmp_path / "a", "scenes", (0.6, 0.2, 0.2), 0)
    assert found.independent and {k: len(v) for k, v in found.splits.items()} == {"train": 12, "val": 3, "test": 3}
    rows = list(csv.reader((tmp_path / "a" / "train.csv").open(newline="")))
    assert rows[:2] == [
        ["file", "labels"],
        ["train/00000.png", ";".join(scenes.kinds(np.random.default_rng([0, 0, 0])))],
    ]


def test_a_picture_has_each_kind_once_and_as_often_as_stated() -> None:
    drawn = [scenes.kinds(np.random.default_rng([3, i])) for i in range(4000)]
    assert {len(kinds) for kinds in drawn} == {0, 1, 2, 3} and all(len(set(k)) == len(k) for k in drawn)
    for kind in CLASSES:
        # A little less: the few pictures of all four are drawn again.
        assert sum(kind in kinds for kinds in drawn) / 4000 == pytest.approx(scenes.SHARES[kind], abs=0.03)


def test_figures_stand_clear_of_one_another_inside_the_centre_square() -> None:
    for i in range(200):
        figures = scenes.places(np.random.default_rng([4, i]), 3, 96, 72)
        for n, a in enumerate(figures):
            assert a.x - a.radius >= 12 and a.x + a.radius <= 84 and a.y - a.radius >= 0 and a.y + a.radius <= 72
            assert all(np.hypot(a.x - b.x, a.y - b.y) > a.radius + b.radius for b in figures[:n])
