"""From the trained network to an ONNX graph with two outputs, by torch's dynamo exporter; and running such graphs."""

import io
import time
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray

from ocelli_trainer.deliver import onnx_graph
from ocelli_trainer.deliver.quantize import quiet
from ocelli_trainer.errors import FindingError
from ocelli_trainer.fit.models import Classifier

PARITY = 1e-4  # largest |logit| difference between PyTorch and the exported graph, as a share of the largest logit
LATENCY_RUNS = 100


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


class Session:
    """A graph in ONNX Runtime on one CPU thread, whose sums come out the same every time."""

    def __init__(self, model: onnx.ModelProto):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3  # errors only
        self.inner = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )

    def __call__(self, inputs: NDArray[np.generic], batch: int = 64) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(logits, embedding) of all inputs, `batch` at a time."""
        parts = [
            self.inner.run(["logits", "embedding"], {"image": inputs[i : i + batch]})
            for i in range(0, len(inputs), batch)
        ]
        return np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])

    def latency_ms(self, one: NDArray[np.generic]) -> float:
        """Median of a single picture, one thread, on this machine."""
        times = []
        for _ in range(LATENCY_RUNS):
            start = time.perf_counter()
            self.inner.run(None, {"image": one})
            times.append(time.perf_counter() - start)
        return float(np.median(times)) * 1e3


def check_parity(reference: NDArray[np.float32], session: Session, inputs: NDArray[np.generic]) -> float:
    """The exported graph must give PyTorch's logits, at batch 1 and 3; returns the largest difference."""
    worst = max(float(np.abs(session(inputs, batch)[0] - reference).max()) for batch in (1, 3))
    allowed = PARITY * max(1.0, float(np.abs(reference).max()))
    if worst > allowed:
        raise FindingError(f"export: logits differ by {worst:.2e} from PyTorch's, allowed {allowed:.2e}")
    return worst
