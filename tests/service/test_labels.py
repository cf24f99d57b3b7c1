"""Independent labels over HTTP: a model from the trainer, each label with a threshold of its own, and a live source."""

import json
import pathlib
import re
import subprocess

import pytest
from document import check
from server import MODEL, OCELLI, ROOT, Server

SCENES = ROOT / "tests" / "scenes"
# By ONNX Runtime in Python; scripts/scenes wrote them.
PICTURES = json.loads((SCENES / "index.json").read_text())["pictures"]


@pytest.fixture(scope="module")
def scenes():
    with Server(model=SCENES / "scenes.onnx") as running:
        yield running


def test_pictures_get_the_labels_above_their_own_thresholds(scenes: Server):
    assert {len(picture["labels"]) for picture in PICTURES} >= {0, 1, 2, 3}
    given: dict[str, int] = {}
    for picture in PICTURES:
        answer = scenes.predict((SCENES / picture["file"]).read_bytes())
        record = answer.json()
        check("Record", record)
        assert (answer.status, record["labels"]) == (200, picture["labels"]), picture
        assert record["unknown"] == (not picture["labels"])
        scores = [one["score"] for one in sorted(record["top"], key=lambda one: one["index"])]
        assert scores == pytest.approx(picture["scores"], abs=1e-4)
        for label in picture["labels"] or ["unknown"]:
            given[label] = given.get(label, 0) + 1
    counted = re.findall(r'^ocelli_predictions_total\{label="(\w+)"\} (\d+)', scenes.get("/metrics").body.decode(), re.M)
    assert {label: int(count) for label, count in counted} == given


def test_the_labels_do_not_depend_on_how_many_scores_are_asked_for(scenes: Server):
    picture = next(picture for picture in PICTURES if len(picture["labels"]) == 3)
    record = scenes.predict((SCENES / picture["file"]).read_bytes(), path="/predict?top_k=1").json()
    assert (record["labels"], len(record["top"])) == (picture["labels"], 1)


def test_the_model_says_what_its_labels_mean(scenes: Server):
    model = scenes.get("/model").json()
    check("Model", model)
    manifest = model["manifest"]
    assert manifest["output"]["kind"] == "sigmoid-logits"
    assert len(manifest["output"]["independent"]["thresholds"]) == len(manifest["labels"]) == 4
    metrics = manifest["training"]["metrics"]
    assert metrics["top5"] is None
    assert 0.9 < metrics["mean_average_precision"] <= 1
    assert all(0 < row["average_precision"] <= 1 for row in metrics["per_class"])


def test_events_tell_all_labels_of_a_frame(tmp_path: pathlib.Path):
    """The logits of the shapes serve as those of four questions: a triangle is a square, too."""
    model = tmp_path / "questions.onnx"
    subprocess.run([OCELLI, "pack", MODEL, "-o", model, "--output", "sigmoid-logits"], check=True, capture_output=True)
    seen = set()
    with Server("--source", "synthetic:fps=50", model=model) as server:
        connection = server.connect()
        connection.request("GET", "/events")
        response = connection.getresponse()
        for _ in range(2000):
            line = response.readline().decode().rstrip("\n")
            if not line.startswith("data:"):
                continue
            state = json.loads(line.removeprefix("data:"))
            check("LiveState", state)
            record = state["record"]
            if record is None:  # the first state, before any frame
                continue
            assert record["labels"] == [one["label"] for one in record["top"] if one["score"] >= 0.5]
            seen.add(tuple(record["labels"]))
            if ("triangle", "square") in seen and ("star",) in seen:
                break
        connection.close()
    assert {("triangle", "square"), ("star",)} <= seen
