"""Whole trainings on a small set: what they write, that they repeat, go on, and are gone on from."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from small_sets import write_set
from trainings import FAST, LABELS, train

pytestmark = pytest.mark.torch
torch = pytest.importorskip("torch", reason="torch is not installed")

from ocelli_trainer import cli  # noqa: E402 (after the skip)
from ocelli_trainer.data import dataset as data  # noqa: E402
from ocelli_trainer.data import transforms  # noqa: E402
from ocelli_trainer.deliver import onnx_graph  # noqa: E402
from ocelli_trainer.deliver.session import Session  # noqa: E402
from ocelli_trainer.fit.loop import Loop  # noqa: E402

TRAINER = Path(__file__).parents[1]


def test_the_run_folder_tells_everything(base: Path) -> None:
    expected = {
        *("config.toml", "splits.json", "lint.json", "lint.txt", "history.csv", "best.pt", "last.pt", "tensorboard"),
        *("evaluation.json", "report.html", "curves.png", "confusion.png", "receipt.json"),
    }
    assert {p.name for p in base.iterdir()} == expected
    assert len((base / "history.csv").read_text().splitlines()) == 5
    assert any("tfevents" in p.name for p in (base / "tensorboard").iterdir())


def test_the_report_is_one_page_with_escaped_labels(base: Path) -> None:
    page = (base / "report.html").read_text("utf-8")
    assert "r🍎&lt;b&gt;" in page and "r🍎<b>" not in page
    assert "http" not in page and page.count("data:image/") == 2 + 12


def test_the_graph_gives_the_accuracy_and_confusion_that_the_run_states(place: Path, base: Path) -> None:
    evaluation = json.loads((base / "evaluation.json").read_text("utf-8"))
    for suffix in ("", "-int8", "-fp16"):
        path = place / f"base{suffix}.onnx"
        manifest = onnx_graph.read_manifest(path)
        session = Session(onnx.load(path))
        matrix = np.zeros((3, 3), int)
        for truth, label in enumerate(LABELS):
            for file in (place / "set" / "test" / label).iterdir():
                pixels = transforms.eval_transform(data.open_picture(file, "RGB"), manifest.preprocess)[None]
                tensor = (
                    pixels if manifest.input.dtype == "uint8" else transforms.normalise(pixels, manifest.preprocess)
                )
                matrix[truth, session(tensor)[0].argmax()] += 1
        assert manifest.training is not None
        assert matrix.trace() / matrix.sum() == pytest.approx(manifest.training.metrics.accuracy, abs=1e-6)
        if not suffix:
            assert matrix.tolist() == evaluation["confusion"]
    assert evaluation["metrics"]["accuracy"] > 0.9


def test_the_same_seed_gives_the_same_files_and_another_seed_others(place: Path, base: Path) -> None:
    flags = ["--augment", "light", "--int8", "--force"]
    assert train(place, "again", *flags) == 0
    for suffix in ("", "-int8"):
        assert (place / f"again{suffix}.onnx").read_bytes() == (place / f"base{suffix}.onnx").read_bytes()
    assert train(place, "other", *flags, "--seed", "1") == 0
    assert (place / "other.onnx").read_bytes() != (place / "base.onnx").read_bytes()


def test_a_runs_own_configuration_repeats_it(place: Path, base: Path) -> None:
    assert train(place, "repeat", base=("--config", str(base / "config.toml"), "--force")) == 0
    assert (place / "repeat.onnx").read_bytes() == (place / "base.onnx").read_bytes()


def test_a_run_broken_off_in_an_epoch_resumes_to_the_same_weights(
    place: Path, base: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ("--augment", "light", "--ema", "0.9", "--schedule", "plateau", "--mixup", "0.2")
    assert train(place, "whole", *flags) == 0
    step, steps = Loop._step, []

    def interrupted(self: Loop, *arguments: object) -> object:
        steps.append(1)
        if len(steps) == 20:  # in the third epoch of eight steps
            raise KeyboardInterrupt
        return step(self, *arguments)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(Loop, "_step", interrupted)
        assert train(place, "broken", *flags) == 130
    assert "`--resume` continues" in capsys.readouterr().err
    resumed = ["train", "--resume", "--run-dir", str(place / "broken"), "-o", str(place / "broken.onnx")]
    assert cli.main(resumed) == 0
    assert "continuing after epoch 2" in capsys.readouterr().err
    assert (place / "broken.onnx").read_bytes() == (place / "whole.onnx").read_bytes()
    assert cli.main([*resumed, "--lr", "1"]) == 2
    assert "--resume takes everything from the run; also given: train.lr" in capsys.readouterr().err


def test_a_standing_run_is_not_written_over(place: Path, base: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (base / "best.pt").read_bytes()
    assert train(place, "base") == 2
    assert f"{base} already holds a run; add --resume" in capsys.readouterr().err
    assert (base / "best.pt").read_bytes() == before


def test_retraining_keeps_the_test_split_and_compares(
    place: Path, base: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_set(place / "more", {".": 10}, (*LABELS[:2], "unknown"), start=500)
    shutil.copy(place / "set" / "test" / "left" / "000.png", place / "more" / "left" / "leak.png")
    flags = ("--from", str(base), "--add", str(place / "more"))
    assert train(place, "newer", base=flags) == 0
    said = capsys.readouterr().err
    assert "pictures left out, since the data set holds them already: 1" in said
    assert "unknown is left out: its pictures have no label yet" in said
    assert "added 16 pictures to train and 4 to val; test stays as it was" in said
    old, new = (json.loads((f / "splits.json").read_text("utf-8"))["splits"] for f in (base, place / "newer"))
    assert new["test"] == old["test"] and len(new["train"]) == len(old["train"]) + 16
    comparison = json.loads((place / "newer" / "comparison.json").read_text("utf-8"))
    evaluation = json.loads((base / "evaluation.json").read_text("utf-8"))
    assert comparison["old"]["accuracy"] == evaluation["metrics"]["accuracy"]
    assert comparison["test_pictures"] == 48
    assert onnx_graph.read_manifest(place / "newer.onnx").version == "2"


def test_retraining_refuses_classes_the_model_does_not_know(
    place: Path, base: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_set(place / "strange", {".": 2}, ("left", "banana"), start=900)
    assert train(place, "refused", base=("--from", str(base), "--add", str(place / "strange"))) == 2
    assert "classes the model does not know: ['banana']" in capsys.readouterr().err


def test_a_frozen_backbone_keeps_its_weights_and_statistics(place: Path, base: Path) -> None:
    weights = str(base / "best.pt")
    assert train(place, "frozen", "--weights", weights, "--freeze-epochs", "-1") == 0
    old, new = (torch.load(f, weights_only=True)["model"] for f in (weights, place / "frozen" / "best.pt"))
    changed = {name for name in old if not torch.equal(old[name], new[name])}
    assert changed == {"head.weight", "head.bias"}


def test_early_stopping_keeps_the_best(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train(place, "patient", "--epochs", "40", "--patience", "2", "--lr", "0.03") == 0
    said = capsys.readouterr().err
    assert "stopped early: no better validation for 2 epochs" in said
    rows = (place / "patient" / "history.csv").read_text().splitlines()[1:]
    losses = [float(row.split(",")[4]) for row in rows]
    assert len(rows) < 40 and int(np.argmin(losses)) == len(rows) - 3
    assert torch.load(place / "patient" / "best.pt", weights_only=True)["best"]["epoch"] == len(rows) - 2


def test_grey_uint8_simplecnn_with_a_searched_rate(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flags = ("--model", "simplecnn", "--color", "GRAY", "--input", "uint8", "--lr", "find", "--balance", "weights")
    assert train(place, "grey", *flags) == 0
    assert "learning rate found: " in capsys.readouterr().err
    manifest = onnx_graph.read_manifest(place / "grey.onnx")
    assert (manifest.input.dtype, manifest.input.layout, manifest.input.color) == ("uint8", "NHWC", "GRAY")
    assert manifest.input.quantization is not None and manifest.input.quantization.zero_point == 128
    assert manifest.training is not None and manifest.training.metrics.accuracy > 0.9


def test_two_processes_train_as_well_as_one(place: Path, base: Path) -> None:
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "-m", "ocelli_trainer", "train"]
    command += [str(place / "set"), *FAST, "-o", str(place / "two.onnx"), "--run-dir", str(place / "two")]
    environment = os.environ | {"PYTHONPATH": str(TRAINER), "OMP_NUM_THREADS": "1"}
    result = subprocess.run(command, check=False, env=environment, capture_output=True, text=True, timeout=240)
    assert result.returncode == 0, result.stderr
    assert "training on the CPU, processes: 2" in result.stderr and result.stderr.count("epoch   4/4") == 1
    manifest = onnx_graph.read_manifest(place / "two.onnx")
    assert manifest.training is not None and manifest.training.metrics.accuracy > 0.9
