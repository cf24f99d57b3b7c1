"""The manifest's published schema takes what the trainer writes, and refuses whatever the runtime refuses by its keys."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from test_manifest import example

from ocelli_trainer import manifest
from ocelli_trainer.deliver import onnx_graph

ROOT = Path(__file__).parents[3]
SCHEMA = json.loads((ROOT / "docs" / "manifest.schema.json").read_text("utf-8"))
VALIDATOR = jsonschema_rs.Draft202012Validator(SCHEMA)
MODELS = ROOT / "models"
# Objects whose keys are the trainer's own business.
FREE = ("hyperparameters", "versions", "receipt", "cusum")


def written(path: Path) -> Any:
    return json.loads(onnx_graph.manifest_text(path))


def faults(value: Any) -> list[str]:
    return [f"{'/'.join(map(str, e.instance_path))}: {e.message}" for e in VALIDATOR.iter_errors(value)]


def objects(value: Any) -> Iterator[dict[str, Any]]:
    """Every object whose keys the schema names."""
    if isinstance(value, dict):
        yield value
        for key, inner in value.items():
            if key not in FREE:
                yield from objects(inner)
    elif isinstance(value, list):
        for inner in value[:2]:  # a list's others are made like its first
            yield from objects(inner)


def places(value: Any) -> list[tuple[int, str]]:
    """Every key, as the number of its object and its name."""
    return [(number, key) for number, found in enumerate(objects(value)) for key in found]


def changed(value: Any, number: int, **change: Any) -> Any:
    """A copy in which that object has other values."""
    other = copy.deepcopy(value)
    list(objects(other))[number].update(change)
    return other


def test_the_schema_is_one() -> None:
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    jsonschema_rs.meta.validate(SCHEMA)


def test_the_bundled_models_manifests_are_valid() -> None:
    files = sorted(MODELS.glob("*.onnx"))
    assert len(files) >= 4
    assert {file.name: faults(written(file)) for file in files} == {file.name: [] for file in files}


@pytest.mark.torch
@pytest.mark.parametrize("suffix", ["", "-int8", "-fp16"])
def test_what_a_training_writes_is_valid(place: Path, base: Path, suffix: str) -> None:
    assert faults(written(place / f"{base.name}{suffix}.onnx")) == []


def test_a_manifest_without_drift_and_training_is_valid_too() -> None:
    assert faults(json.loads(manifest.to_json(example()))) == []


@pytest.mark.parametrize("name", ["shapes.onnx", "shapes-int8.onnx"])
def test_whatever_is_left_out_is_missed_null_too(name: str) -> None:
    whole = written(MODELS / name)
    keys = places(whole)
    assert len(keys) > 100
    for number, key in keys:
        other = copy.deepcopy(whole)
        del list(objects(other))[number][key]
        assert faults(other), key
    nulls = [key for number, key in keys if list(objects(whole))[number][key] is None]
    assert nulls


def test_a_key_that_nobody_knows_is_refused_wherever_it_stands() -> None:
    whole = written(MODELS / "shapes-int8.onnx")
    for number, _ in enumerate(objects(whole)):
        assert faults(changed(whole, number, surprise=1)), number


def test_a_value_of_another_type_is_refused_wherever_it_stands() -> None:
    whole = written(MODELS / "shapes-int8.onnx")
    for number, key in places(whole):
        is_truth = isinstance(list(objects(whole))[number][key], bool)
        assert faults(changed(whole, number, **{key: "text" if is_truth else True})), key


@pytest.mark.parametrize(
    ("section", "change"),
    [
        (None, {"format": 2}),
        (None, {"labels": None}),
        ("input", {"layout": "nchw"}),
        ("input", {"width": 32.5}),
        ("input", {"height": -1}),
        ("preprocess", {"resize": {"mode": "shortest", "width": 32, "height": 32}}),
        ("preprocess", {"resize": {"mode": "letterbox", "width": 32, "height": 32, "fill": [0, 0, 256]}}),
        ("preprocess", {"resize": {"mode": "stretch", "width": 32, "height": 32}}),
    ],
)
def test_values_that_the_types_do_not_have_are_refused(section: str | None, change: dict[str, Any]) -> None:
    whole = written(MODELS / "shapes.onnx")
    (whole[section] if section else whole).update(change)
    assert faults(whole)
