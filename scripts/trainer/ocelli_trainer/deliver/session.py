"""Runs an exported graph in ONNX Runtime, and compares it with the network it comes from. Needs no torch."""

import time

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray

from ocelli_trainer.errors import FindingError

PARITY = 1e-4  # largest |logit| difference between PyTorch and the exported graph, as a share of the largest logit
LATENCY_RUNS = 100


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
        raise FindingError(
            f"export: logits differ by {worst:.2e} from PyTorch's, allowed {allowed:.2e}", "try another --model"
        )
    return worst
