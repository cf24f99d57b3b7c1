"""The bundled models hold what their cards promise. Needs onnxruntime, not torch."""

import base64
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from PIL import Image

from ocelli_trainer import bundle
from ocelli_trainer.data import dataset as data
from ocelli_trainer.data import shapes, transforms
from ocelli_trainer.deliver import onnx_graph, proof
from ocelli_trainer.fit import metrics
from ocelli_trainer.manifest import Manifest
from ocelli_trainer.report import model_cards

MODELS = Path(__file__).parents[3] / "models"
FILES = ("digits.onnx", "digits-int8.onnx", "shapes.onnx", "shapes-int8.onnx")


def probabilities(path: Path, manifest: Manifest, pictures: list[Image.Image]) -> np.ndarray:
    """What a runtime does, from the manifest alone."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    pixels = np.stack([transforms.eval_transform(p, manifest.preprocess) for p in pictures])
    tensor = transforms.normalise(pixels, manifest.preprocess)
    if manifest.input.quantization is not None:
        q = manifest.input.quantization
        tensor = np.clip(np.round(tensor / q.scale) + q.zero_point, 0, 255).astype(np.uint8)
        tensor = tensor.transpose(0, 2, 3, 1)  # NCHW => NHWC
        assert np.array_equal(tensor, pixels)
    logits = session.run([manifest.output.tensor], {manifest.input.tensor: tensor})[0]
    return metrics.softmax(logits, manifest.output.temperature)


@pytest.mark.parametrize("name", FILES)
def test_every_bundled_model_replays_its_proof(name: str) -> None:
    manifest = onnx_graph.read_manifest(MODELS / name)
    assert manifest.proof is not None and 8 <= len(manifest.proof.cases) <= 16
    cases = manifest.proof.cases
    pictures = [proof.decode(base64.b64decode(c.image), manifest.input.color) for c in cases]
    found = probabilities(MODELS / name, manifest, pictures)
    expected = np.array([c.probabilities for c in cases])
    assert np.abs(found - expected).max() <= manifest.proof.tolerance
    assert [manifest.labels[i] for i in found.argmax(1)] == [c.label for c in cases]
    assert {c.label for c in cases} == set(manifest.labels)
    swapped = [Image.merge("RGB", p.split()[::-1]) for p in pictures]
    assert np.abs(probabilities(MODELS / name, manifest, swapped) - expected).max() > 2 * manifest.proof.tolerance
    if name.endswith("-int8.onnx"):
        # 8-bit scores may stray further than a filter moves them: the float file's proof stands for the steps.
        sibling = onnx_graph.read_manifest(MODELS / name.replace("-int8", ""))
        assert manifest.preprocess == sibling.preprocess
        return
    other = replace(manifest, preprocess=replace(manifest.preprocess, filter="nearest"))
    assert np.abs(probabilities(MODELS / name, other, pictures) - expected).max() > 2 * manifest.proof.tolerance


@pytest.mark.parametrize("name", FILES)
def test_every_bundled_model_states_good_measures_and_all_its_facts(name: str) -> None:
    manifest = onnx_graph.read_manifest(MODELS / name)
    assert manifest.training is not None and manifest.rejection is not None and manifest.drift is not None
    assert manifest.training.metrics.accuracy >= 0.99
    assert manifest.rejection.coverage >= 0.95 and manifest.rejection.accuracy >= manifest.training.metrics.accuracy
    assert [row.label for row in manifest.training.metrics.per_class] == manifest.labels
    assert sum(manifest.drift["prior"]) == pytest.approx(1, abs=1e-4)
    assert (manifest.training.receipt is not None) == name.endswith("-int8.onnx")


@pytest.mark.parametrize("name", ["shapes.onnx", "shapes-int8.onnx"])
@pytest.mark.parametrize("size", [(64, 64), (320, 240), (640, 480)])
def test_shapes_are_told_apart_at_camera_sizes(name: str, size: tuple[int, int]) -> None:
    manifest = onnx_graph.read_manifest(MODELS / name)
    drawn = [shapes.draw(np.random.default_rng([77, i]), shapes.CLASSES[i % 4], *size) for i in range(100)]
    found = probabilities(MODELS / name, manifest, drawn).argmax(1)
    assert (found == np.arange(100) % 4).mean() >= 0.97


def test_the_samples_are_recognised_and_are_what_the_bundle_draws(tmp_path: Path) -> None:
    manifest = onnx_graph.read_manifest(MODELS / "shapes.onnx")
    files = sorted((MODELS / "samples").glob("*.jpg"))
    found = probabilities(MODELS / "shapes.onnx", manifest, [data.open_picture(f, "RGB") for f in files])
    assert [manifest.labels[i] for i in found.argmax(1)] == [f.stem.split("-")[0] for f in files]
    bundle.draw_samples(tmp_path)
    assert [f.read_bytes() for f in sorted(tmp_path.iterdir())] == [f.read_bytes() for f in files]


def test_the_cards_say_what_the_models_say() -> None:
    text = (MODELS / "README.md").read_text("utf-8")
    for name in FILES:
        assert model_cards.card(MODELS / name) in text


def test_the_bundle_stays_small_and_names_no_machine() -> None:
    files = [p for p in MODELS.rglob("*") if p.is_file()]
    assert sum(p.stat().st_size for p in files) < 800_000
    for path in files:
        content = path.read_bytes()
        assert not any(trace in content for trace in (b"/home/", b"/tmp/", b"/root/", b"site-packages"))
