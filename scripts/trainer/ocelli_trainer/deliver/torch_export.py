"""From the trained network to an ONNX graph with two outputs, by torch's dynamo exporter; and to TorchScript."""

import io
from pathlib import Path

import onnx
import torch

from ocelli_trainer.deliver import onnx_graph
from ocelli_trainer.deliver.quiet import quiet
from ocelli_trainer.fit.models import Classifier


def to_onnx(net: Classifier, channels: int, height: int, width: int) -> onnx.ModelProto:
    """float32 NCHW `image` => `logits`, `embedding`; dynamic batch, pinned opset."""
    example = torch.zeros(2, channels, height, width)
    batch = torch.export.Dim("batch", min=1, max=4096)
    with quiet():
        program = torch.onnx.export(
            net.eval(),
            (example,),
            dynamo=True,
            opset_version=onnx_graph.OPSET,
            verbose=False,
            input_names=["image"],
            output_names=["logits", "embedding"],
            dynamic_shapes={"image": {0: batch}},
        )
    buffer = io.BytesIO()
    assert program is not None
    program.save(buffer, external_data=False)  # type: ignore[arg-type] # a file object works, too
    model = onnx_graph.clean(onnx.load_model_from_string(buffer.getvalue()))
    onnx_graph.check(model)
    return model


def to_torchscript(net: Classifier, channels: int, height: int, width: int, path: Path) -> None:
    with quiet():
        torch.jit.trace(net.eval(), torch.zeros(1, channels, height, width)).save(str(path))  # type: ignore[no-untyped-call]
