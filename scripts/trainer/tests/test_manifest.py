"""The manifest keeps to format 1: names, order, refusals."""

import json
from dataclasses import replace
from typing import Any

import pytest

from ocelli_trainer import manifest
from ocelli_trainer.errors import TrainerError
from ocelli_trainer.manifest import Input, Manifest, Output, Preprocess, Proof, ProofCase, Rejection, Size


def example() -> Manifest:
    return Manifest(
        format=1,
        name="shapes",
        version="1",
        labels=['say "hi"', "🍎"],
        input=Input("image", "NCHW", "float32", "RGB", 32, 24, None),
        preprocess=Preprocess(
            {"mode": "shortest", "size": 32}, "bilinear", True, Size(32, 24), 1 / 255, [0.5] * 3, [0.5] * 3
        ),
        output=Output("logits", "logits", 1.25, None, "embedding"),
        rejection=Rejection(0.5, 0.98, 0.99),
        drift=None,
        training=None,
        proof=Proof(0.001, [ProofCase("a/1.png", "🍎", "AAAA", [0.25, 0.75])]),
    )


def test_what_is_written_reads_back() -> None:
    assert manifest.from_json(manifest.to_json(example())) == example()


def test_keys_stand_in_the_schemas_order() -> None:
    raw = json.loads(manifest.to_json(example()))
    assert list(raw) == [
        *("format", "name", "version", "labels", "input", "preprocess"),
        *("output", "rejection", "drift", "training", "proof"),
    ]
    assert list(raw["input"]) == ["tensor", "layout", "dtype", "color", "width", "height", "quantization"]
    assert list(raw["proof"]["cases"][0]) == ["name", "label", "image", "probabilities"]
    assert raw["input"]["quantization"] is None and raw["labels"] == ['say "hi"', "🍎"]


def test_unknown_and_missing_keys_are_named() -> None:
    raw = json.loads(manifest.to_json(example()))
    raw["input"]["channels"] = raw["input"].pop("color")
    with pytest.raises(TrainerError, match=r"manifest: input has unknown keys \['channels'\] and lacks \['color'\]"):
        manifest.from_json(json.dumps(raw))


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"name": "two words"}, "name: expected letters, digits"),
        ({"labels": ["a", "a"]}, "labels: expected unique and non-empty"),
        ({"format": 2}, "format: expected 1, found 2"),
        ({"output": Output("logits", "logits", 0.0, None, None)}, "output.temperature: expected positive, found 0.0"),
        (
            {"input": Input("image", "NCHW", "float32", "GRAY", 8, 8, None)},
            "preprocess.mean: expected one number per channel of GRAY, found",
        ),
        ({"labels": ["🍎", 'say "hi"']}, "proof a/1.png: label '🍎', but the highest probability is of 'say"),
        ({"labels": ["a", "b", "c"]}, "proof a/1.png: expected 3 probabilities, found 2"),
    ],
)
def test_wrong_facts_are_refused(change: dict[str, Any], text: str) -> None:
    with pytest.raises(TrainerError, match=text.replace("(", r"\(")):
        manifest.to_json(replace(example(), **change))


def test_no_number_that_json_lacks_is_written() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        manifest.to_json(replace(example(), rejection=Rejection(float("nan"), 1, 1)))
