"""Every network yields what the runtime reads, and learns."""

from pathlib import Path

import pytest
from trainings import train

from ocelli_trainer import cli
from ocelli_trainer.config import ModelConfig
from ocelli_trainer.deliver import onnx_graph

pytestmark = pytest.mark.torch
torch = pytest.importorskip("torch", reason="torch is not installed")

from ocelli_trainer.fit import models  # noqa: E402 (after the skip)


def test_every_backbone_yields_logits_and_an_embedding() -> None:
    widths = {}
    for name in models.ARCHITECTURES:
        net = models.build(ModelConfig(architecture=name, size="32"), 7).eval()
        with torch.inference_mode():
            logits, embedding = net(torch.zeros(2, 3, 32, 32))
        assert logits.shape == (2, 7) and embedding.shape == (2, net.head.in_features)
        widths[name] = embedding.shape[1]
    assert widths["simplecnn"] == 64 and widths["edgecnn"] == 48
    assert widths["resnet18"] == 512 and widths["mobilenet_v3_small"] == 1024 and widths["convnext_tiny"] == 768


def test_a_torchvision_backbone_goes_all_the_way(place: Path) -> None:
    flags = ["--model", "shufflenet_v2_x1_0", "--normalise", "imagenet", "--epochs", "1", "--size", "32"]
    assert train(place, "shuffle", *flags, "--int8", "--force") == 0
    manifest = onnx_graph.read_manifest(place / "shuffle-int8.onnx")
    assert manifest.input.dtype == "float32" and manifest.preprocess.mean == [0.485, 0.456, 0.406]


@pytest.mark.parametrize(("model", "accuracy"), [("simplecnn", 0.97), ("edgecnn", 0.99)])
def test_digits_are_learnt_with_default_settings(tmp_path: Path, model: str, accuracy: float) -> None:
    assert cli.main(["demo-data", "digits", str(tmp_path / "digits")]) == 0
    flags = ["--model", model, "-o", str(tmp_path / "digits.onnx"), "--run-dir", str(tmp_path / "run")]
    assert cli.main(["train", str(tmp_path / "digits"), *flags]) == 0
    manifest = onnx_graph.read_manifest(tmp_path / "digits.onnx")
    assert manifest.training is not None and manifest.training.metrics.accuracy >= accuracy
