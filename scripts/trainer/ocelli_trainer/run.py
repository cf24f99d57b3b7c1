"""The run folder: one training's configuration, splits, checkpoints, logs and results under fixed names."""

import csv
import io
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ocelli_trainer import config as configs
from ocelli_trainer.config import Config
from ocelli_trainer.data.dataset import SPLITS, Dataset, Sample, fingerprint
from ocelli_trainer.errors import TrainerError
from ocelli_trainer.files import write_whole

FIRST_FILES = {"lint.json", "lint.txt", "splits.json"}  # all that a run refused at its data leaves behind


@dataclass(frozen=True)
class Run:
    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "config.toml"

    @property
    def best(self) -> Path:
        return self.folder / "best.pt"

    @property
    def last(self) -> Path:
        return self.folder / "last.pt"

    @property
    def history(self) -> Path:
        return self.folder / "history.csv"

    @property
    def tensorboard(self) -> Path:
        return self.folder / "tensorboard"

    @property
    def splits(self) -> Path:
        return self.folder / "splits.json"

    @property
    def test_table(self) -> Path:
        """The test pictures of independent labels, for `ocelli eval`."""
        return self.folder / "test.csv"

    @property
    def lint_json(self) -> Path:
        return self.folder / "lint.json"

    @property
    def lint_text(self) -> Path:
        return self.folder / "lint.txt"

    @property
    def retrained_from(self) -> Path:
        return self.folder / "retrained-from.txt"

    @property
    def comparison(self) -> Path:
        return self.folder / "comparison.json"

    @property
    def evaluation(self) -> Path:
        return self.folder / "evaluation.json"

    @property
    def receipt(self) -> Path:
        return self.folder / "receipt.json"

    @property
    def report(self) -> Path:
        return self.folder / "report.html"

    def create(self, overwrite: bool) -> None:
        standing = {p.name for p in self.folder.iterdir()} if self.folder.is_dir() else set()
        if not standing <= FIRST_FILES:
            if not overwrite:
                raise TrainerError(
                    f"{self.folder} already holds a run",
                    "add --resume to continue it, --overwrite to replace it, or --run-dir",
                )
            if not self.config.exists():
                raise TrainerError(f"{self.folder} is not empty and holds no run", "name another folder by --run-dir")
            shutil.rmtree(self.folder)
        self.folder.mkdir(parents=True, exist_ok=True)

    def require(self) -> None:
        if not self.config.exists():
            raise TrainerError(
                f"{self.folder} holds no run (no config.toml)", "name a folder that `ocelli-train train` wrote"
            )

    def read_config(self) -> Config:
        self.require()
        return configs.read(self.config)

    def write_json(self, path: Path, value: Any) -> None:
        write_whole(path, (json.dumps(value, ensure_ascii=False) + "\n").encode())

    def write_history(self, rows: list[dict[str, Any]]) -> None:
        text = io.StringIO()
        writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        write_whole(self.history, text.getvalue().encode())

    def read_history(self) -> list[dict[str, float]]:
        with self.history.open(newline="") as file:
            return [{k: float(v) for k, v in row.items()} for row in csv.DictReader(file)]

    def write_splits(self, dataset: Dataset) -> None:
        """Which picture stands in which split, so that a later run can keep the test split untouched."""
        self.write_json(
            self.splits,
            {
                "name": dataset.name,
                "labels": dataset.labels,
                **({"independent": True} if dataset.independent else {}),
                "fingerprint": fingerprint(dataset),
                "splits": {k: [[str(s.path), *s.labels] for s in dataset.splits[k]] for k in SPLITS},
            },
        )

    def read_splits(self) -> Dataset:
        self.require()
        stored = json.loads(self.splits.read_text("utf-8"))
        splits = {k: tuple(Sample(Path(p), *labels) for p, *labels in stored["splits"][k]) for k in SPLITS}
        gone = [str(s.path) for part in splits.values() for s in part if not s.path.exists()]
        if gone:
            raise TrainerError(
                f"{self.folder}: {len(gone)} pictures of this run are gone, the first is {gone[0]}",
                "run from the folder it was trained in, with its data in place",
            )
        path = Path(self.read_config().data.path)
        root = path.parent if path.is_file() else path  # a table's pictures are named from its folder
        dataset = Dataset(stored["name"], root, tuple(stored["labels"]), splits, stored.get("independent", False))
        if fingerprint(dataset) != stored["fingerprint"]:
            raise TrainerError(
                f"{self.folder}: pictures of this run have changed since it was trained",
                "restore them, or train afresh",
            )
        return dataset


@dataclass(frozen=True)
class RunOptions:
    """How a run is started: all that was asked for apart from the hyper-parameters, which every start repeats."""

    run: Run
    output: Path  # the float32 ONNX file; others stand beside it
    resume: bool = False
    overwrite: bool = False
    force: bool = False
    find_lr: bool = False
    old: Run | None = None  # retraining starts from this run
