"""Whole trainings on several labels per picture: what they write, and that the runtime measures what they state."""

import base64
import csv
import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from label_sets import BANDS, write_tables
from PIL import Image
from sklearn import metrics as reference
from test_schema import faults, written
from trainings import FAST, train

pytestmark = pytest.mark.torch
torch = pytest.importorskip("torch", reason="torch is not installed")

from ocelli_trainer import cli, manifest  # noqa: E402 (after the skip)
from ocelli_trainer.config import TrainConfig  # noqa: E402
from ocelli_trainer.data import dataset as data  # noqa: E402
from ocelli_trainer.data import transforms  # noqa: E402
from ocelli_trainer.deliver import onnx_graph, proof  # noqa: E402
from ocelli_trainer.fit.label_metrics import sigmoid  # noqa: E402
from ocelli_trainer.fit.objective import make_criterion  # noqa: E402
from ocelli_trainer.manifest import Manifest, Preprocess  # noqa: E402

OCELLI = Path(__file__).parents[3] / "target" / "release" / "ocelli"
needs_ocelli = pytest.mark.skipif(
    not OCELLI.exists(), reason="target/release/ocelli is not built: cargo build --release"
)
FILES = ("", "-int8")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("labels")
    write_tables(root / "set", {"train": 240, "val": 60, "test": 80})
    return root


@pytest.fixture(scope="module")
def labels(place: Path) -> Path:
    """One training; its run folder. Test pictures are hard enough that not all are right."""
    assert train(place, "labels", "--epochs", "6", "--balance", "weights", "--int8", "--force") == 0
    return place / "labels"


def runtime_scores(path: Path, test_table: Path) -> tuple[Manifest, np.ndarray, np.ndarray]:
    """From the files alone, as the runtime does it: (manifest, probabilities, truth)."""
    stated = onnx_graph.read_manifest(path)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    rows = list(csv.reader(test_table.open(encoding="utf-8", newline="")))
    assert rows[0][1:] == stated.labels
    logits = []
    for row in rows[1:]:
        picture = data.open_picture(test_table.parent / row[0], "RGB")
        pixels = transforms.eval_transform(picture, stated.preprocess)[None]
        tensor = pixels if stated.input.dtype == "uint8" else transforms.normalise(pixels, stated.preprocess)
        logits.append(session.run(["logits"], {"image": tensor})[0][0])
    assert stated.output.independent is not None
    temperatures = np.array(stated.output.independent.temperatures, np.float32)
    return stated, 1 / (1 + np.exp(-np.stack(logits) / temperatures)), np.array([r[1:] for r in rows[1:]], int)


def of_scikit_learn(stated: Manifest, scores: np.ndarray, truth: np.ndarray) -> dict[str, Any]:
    assert stated.output.independent is not None
    given = (scores >= np.array(stated.output.independent.thresholds, np.float32)).astype(int)
    found: dict[str, Any] = {"subset_accuracy": reference.accuracy_score(truth, given)}
    for mean in ("micro", "macro"):
        values = reference.precision_recall_fscore_support(truth, given, average=mean, zero_division=0.0)
        found[f"{mean}_mean"] = dict(zip(("precision", "recall", "f1"), map(float, values[:3]), strict=True))
    each = reference.precision_recall_fscore_support(truth, given, zero_division=0.0)
    precisions = [reference.average_precision_score(truth[:, i], scores[:, i]) for i in range(len(BANDS))]
    found["per_label"] = [
        {"label": label, "precision": p, "recall": r, "f1": f, "average_precision": ap, "support": n, "predicted": m}
        for label, p, r, f, n, ap, m in zip(stated.labels, *each, precisions, given.sum(0), strict=True)
    ]
    return found | {"mean_average_precision": float(np.mean(precisions))}


@needs_ocelli
# Not 8-bit scores of rten, which differ from ONNX Runtime's by up to 0.03.
@pytest.mark.parametrize(("engine", "suffix"), [("onnxruntime", ""), ("rten", ""), ("onnxruntime", "-int8")])
def test_eval_measures_what_scikit_learn_does(place: Path, labels: Path, engine: str, suffix: str) -> None:
    path = place / f"labels{suffix}.onnx"
    command = [str(OCELLI), "eval", "-m", str(path), str(labels / "test.csv"), "-f", "json", "--engine", engine]
    shown = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
    assert shown.returncode == 0, shown.stderr
    report = json.loads(shown.stdout)
    expected = of_scikit_learn(*runtime_scores(path, labels / "test.csv"))
    assert 0.3 < expected["subset_accuracy"] < 1, "a set on which all is right proves little"
    assert (report["pictures"], report["failed"]) == (80, 0)
    for key, value in expected.items():
        found = report[key]
        if isinstance(value, float):
            assert found == pytest.approx(value, abs=1e-9), key
        for mine, theirs in zip(found, value, strict=True) if isinstance(value, list) else []:
            assert mine == pytest.approx(theirs, abs=1e-9)
        if isinstance(value, dict):
            assert found == pytest.approx(value, abs=1e-9), key


@needs_ocelli
@pytest.mark.parametrize("suffix", FILES)
@pytest.mark.parametrize("engine", ["onnxruntime", "rten"])
def test_both_engines_replay_the_proof(place: Path, labels: Path, engine: str, suffix: str) -> None:
    path = place / f"labels{suffix}.onnx"
    command = [str(OCELLI), "verify", "-m", str(path), "--engine", engine]
    shown = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
    assert shown.returncode == 0, shown.stdout + shown.stderr
    stated = onnx_graph.read_manifest(path).proof
    assert stated is not None and stated.tolerance < 0.1
    several = [case for case in stated.cases if sum(p > 0.5 for p in case.probabilities) > 1]
    assert several, "no picture of several labels is proven"
    assert {case.label for case in stated.cases} == set(BANDS)


def test_a_wrong_way_fails_the_proof(place: Path, labels: Path) -> None:
    """Red and blue exchanged, and another filter: some case strays by more than twice of what is allowed."""
    path = place / "labels.onnx"
    stated = onnx_graph.read_manifest(path)
    assert stated.proof is not None and stated.output.independent is not None
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    pictures = [proof.decode(base64.b64decode(case.image), "RGB") for case in stated.proof.cases]
    expected = np.array([case.probabilities for case in stated.proof.cases])

    def strays(shown: list[Image.Image], preprocess: Preprocess) -> float:
        pixels = np.stack([transforms.eval_transform(p, preprocess) for p in shown])
        logits = session.run(["logits"], {"image": transforms.normalise(pixels, preprocess)})[0]
        assert stated.output.independent is not None
        return float(np.abs(sigmoid(logits, np.array(stated.output.independent.temperatures)) - expected).max())

    assert strays(pictures, stated.preprocess) < 1e-5
    swapped = [Image.merge("RGB", p.split()[::-1]) for p in pictures]
    assert strays(swapped, stated.preprocess) > 2 * stated.proof.tolerance
    assert strays(pictures, replace(stated.preprocess, filter="nearest")) > 2 * stated.proof.tolerance


@pytest.mark.parametrize("suffix", FILES)
def test_the_manifest_states_what_its_graph_gives(place: Path, labels: Path, suffix: str) -> None:
    path = place / f"labels{suffix}.onnx"
    stated, scores, truth = runtime_scores(path, labels / "test.csv")
    assert (stated.output.kind, stated.output.temperature, stated.rejection) == ("sigmoid-logits", 1.0, None)
    expected = of_scikit_learn(stated, scores, truth)
    assert stated.training is not None
    found = stated.training.metrics
    assert found.accuracy == pytest.approx(expected["subset_accuracy"], abs=1e-6)
    assert found.micro_f1 == pytest.approx(expected["micro_mean"]["f1"], abs=1e-6)
    assert found.macro_f1 == pytest.approx(expected["macro_mean"]["f1"], abs=1e-6)
    for mine, theirs in zip(found.per_class, expected["per_label"], strict=True):
        assert mine.average_precision == pytest.approx(theirs["average_precision"], abs=1e-6)
        assert mine.f1 == pytest.approx(theirs["f1"], abs=1e-6) and mine.support == theirs["support"]
    assert found.mean_average_precision is not None and found.mean_average_precision > 0.8
    assert stated.drift is not None and sum(stated.drift["prior"]) == pytest.approx(1, abs=1e-4)
    assert faults(written(path)) == []
    assert manifest.from_json(onnx_graph.manifest_text(path)) == stated


def test_the_run_tells_of_each_label(labels: Path) -> None:
    assert {"test.csv", "precision-recall.png", "curves.png", "report.html"} <= {p.name for p in labels.iterdir()}
    evaluation = json.loads((labels / "evaluation.json").read_text("utf-8"))
    page = (labels / "report.html").read_text("utf-8")
    for row in evaluation["per_label"]:
        shown = row["label"].replace("'", "&#39;").replace("<", "&lt;").replace(">", "&gt;")
        cells = [f"{row[key]:.3f}" for key in ("threshold", "temperature")]
        cells += [f"{row[key]:.4f}" for key in ("precision", "recall", "f1", "average_precision")]
        cells += [str(row[key]) for key in ("false_alarms", "missed", "support")]
        assert f"<tr><td>{shown}</td><td>" + "</td><td>".join(cells) + "</td></tr>" in page
    assert "http" not in page and "matrix" not in page and page.count("data:image/") == 2 + 12
    assert any(", " in w["truth"] for w in evaluation["worst"])
    (receipt,) = (r for r in json.loads((labels / "receipt.json").read_text("utf-8")) if r["precision"] == "int8")
    assert receipt["macro_f1_before"] == evaluation["metrics"]["macro_f1"]


def test_the_same_seed_gives_the_same_files_and_export_writes_them_again(place: Path, labels: Path) -> None:
    flags = ("--epochs", "6", "--balance", "weights", "--int8", "--force")
    assert train(place, "again", *flags) == 0
    assert cli.main(["export", str(labels), "-o", str(place / "exported.onnx"), "--force"]) == 0
    for suffix in FILES:
        written_first = (place / f"labels{suffix}.onnx").read_bytes()
        assert (place / f"again{suffix}.onnx").read_bytes() == written_first
        assert (place / f"exported{suffix}.onnx").read_bytes() == written_first


def test_retraining_adds_a_table_and_keeps_the_test_split(
    place: Path, labels: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = write_tables(place / "more", {"extra": 40}, start=5000) / "extra.csv"
    with more.open("a") as text:
        text.write("../set/test/0300.png,left\n")
    assert train(place, "newer", base=("--from", str(labels), "--add", str(more), "--epochs", "2")) == 0
    said = capsys.readouterr().err
    assert "pictures left out, since the data set holds them already: 1" in said
    old, new = (json.loads((f / "splits.json").read_text("utf-8")) for f in (labels, place / "newer"))
    assert new["independent"] and new["splits"]["test"] == old["splits"]["test"]
    assert len(new["splits"]["train"]) + len(new["splits"]["val"]) == 300 + 40
    comparison = json.loads((place / "newer" / "comparison.json").read_text("utf-8"))
    assert comparison["test_pictures"] == 80 and list(comparison["new"]["f1"]) == sorted(BANDS)
    more.write_text("file,labels\nextra/5000.png,bee\n")
    assert train(place, "strange", base=("--from", str(labels), "--add", str(more))) == 2
    assert "labels the model does not know: ['bee']; leave them out, or train afresh" in capsys.readouterr().err


def test_sampling_is_no_balance_of_labels(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train(place, "sampled", "--balance", "sampler", "--coverage", "0.9") == 2
    said = capsys.readouterr().err
    assert "error: --balance sampler evens out classes" in said and "warning: --coverage 0.9 is not heeded" in said


def test_a_label_that_is_never_there_stops_the_training(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = place / "set" / "one.csv"
    rows = [
        f"train/{i:04d}.png,{split},{i % 2},0" for i, split in enumerate(["train"] * 20 + ["val"] * 4 + ["test"] * 4)
    ]
    table.write_text("file,split,even,never\n" + "\n".join(rows) + "\n")
    assert train(place, "never", "--force", base=(str(table), *FAST)) == 1
    assert "label never there: no training picture has 'never'" in capsys.readouterr().err


def test_weights_leave_the_odds_to_the_network() -> None:
    """A constant answer is best at the true odds, weighted or not, and each label weighs by its own pictures."""
    truth = np.repeat([[1, 0], [0, 1], [0, 0], [0, 1]], [5, 15, 60, 20], 0)
    for balance in ("none", "weights"):
        criterion = make_criterion(TrainConfig(balance=balance), truth, 2)
        odds = torch.zeros(2, requires_grad=True)
        optimizer = torch.optim.LBFGS([odds], max_iter=200, line_search_fn="strong_wolfe")

        def closure() -> Any:
            optimizer.zero_grad()  # noqa: B023 (called at once)
            loss = criterion(odds.expand(100, 2), torch.from_numpy(truth))  # noqa: B023
            loss.backward()
            return loss

        optimizer.step(closure)
        assert torch.sigmoid(odds).tolist() == pytest.approx([0.05, 0.35], abs=1e-3), balance
