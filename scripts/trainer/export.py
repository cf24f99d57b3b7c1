"""From the trained network to an ONNX graph with two outputs, by torch's dynamo exporter."""

import io
import logging
import warnings

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray

from trainer import onnx_graph
from trainer.errors import FindingError
from trainer.models import Classifier

PARITY = 1e-4  # largest allowed |logit| difference between PyTorch and the exported graph, in share of the range


def to_onnx(net: Classifier, channels: int, height: int, width: int) -> onnx.ModelProto:
    """float32 NCHW `image` => `logits`, `embedding`; dynamic batch, pinned opset."""
    example = torch.zeros(2, channels, height, width)
    batch = torch.export.Dim("batch", min=1, max=4096)
    with warnings.catch_warnings(), _quiet():
        warnings.simplefilter("ignore")  # the exporter warns of its own internals, nothing a user can act on
        program = torch.onnx.export(
            net.eval(), (example,), dynamo=True, opset_version=onnx_graph.OPSET, verbose=False,
            input_names=["image"], output_names=["logits", "embedding"], dynamic_shapes={"image": {0: batch}},
        )  # fmt: skip
    buffer = io.BytesIO()
    assert program is not None
    program.save(buffer, external_data=False)
    model = onnx_graph.clean(onnx.load_model_from_string(buffer.getvalue()))
    onnx_graph.check(model)
    return model


class _quiet:
    """Silences the exporter's log lines, which go to the root of its own loggers."""

    def __enter__(self) -> None:
        self.level = logging.root.manager.disable
        logging.disable(logging.WARNING)

    def __exit__(self, *_: object) -> None:
        logging.disable(self.level)


def session(model: onnx.ModelProto) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # reproducible sums
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def run(
    running: onnxruntime.InferenceSession, batch: NDArray[np.generic], size: int = 64
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(logits, embedding) of a whole array of inputs, `size` at a time."""
    parts = [running.run(["logits", "embedding"], {"image": batch[i : i + size]}) for i in range(0, len(batch), size)]
    return np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])


def check_parity(reference: NDArray[np.float32], model: onnx.ModelProto, batch: NDArray[np.generic]) -> float:
    """The exported graph must give PyTorch's logits, at batch 1 and 3; returns the largest difference."""
    running = session(model)
    worst = max(float(np.abs(run(running, batch, size)[0] - reference).max()) for size in (1, 3))
    allowed = PARITY * max(1.0, float(np.abs(reference).max()))
    if worst > allowed:
        raise FindingError(f"export: logits differ by {worst:.2e} from PyTorch's, allowed {allowed:.2e}")
    return worst
