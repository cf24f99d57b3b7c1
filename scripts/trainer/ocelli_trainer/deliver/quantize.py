"""Smaller graphs of the same network: int8 (static, QDQ) and float16. Needs onnx and onnxruntime, not torch."""

import tempfile
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray

from ocelli_trainer.deliver import onnx_graph
from ocelli_trainer.deliver.quiet import quiet

CALIBRATION = 200  # validation pictures; MinMax ranges hardly move beyond
FLOAT_HEAD = 65_536  # weights up to which the head stays float32: 8-bit logits would make coarse probabilities


def to_int8(model: onnx.ModelProto, calibration: NDArray[np.float32]) -> onnx.ModelProto:
    """float32 NCHW graph => the same with 8-bit weights and activations, still taking float32.

    Activations uint8, weights int8 per channel: ONNX Runtime's own default, int8 for both, leaves convolutions
    in float on x86. Weights use 7 of their 8 bits: x86 processors without VNNI add pairs of products in 16 bits,
    which full weights overflow (seen: probabilities off by 0.07). Average pooling before the head stays float with it.
    """
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.pictures = iter(calibration)

        def get_next(self) -> dict[str, NDArray[np.float32]] | None:
            picture = next(self.pictures, None)
            return None if picture is None else {"image": picture[None]}

    with tempfile.TemporaryDirectory() as folder, quiet():
        path = Path(folder) / "int8.onnx"
        quantize_static(
            onnx_graph.copy_of(model),
            path,
            Reader(),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            reduce_range=True,
            nodes_to_exclude=_float_tail(model),
        )
        quantized = onnx.load(path)
    quantized = onnx_graph.clean(quantized)
    onnx_graph.check(quantized)
    return quantized


def _float_tail(model: onnx.ModelProto) -> list[str]:
    """The nodes behind the last convolution that make embedding and logits, if the head is small."""
    weights = {t.name: t.dims for t in model.graph.initializer}
    head = next(n for n in model.graph.node if "logits" in n.output)
    if np.prod([weights[i] for i in head.input if len(weights.get(i, ())) == 2]) > FLOAT_HEAD:
        return []
    embedding = next(n for n in model.graph.node if "embedding" in n.output)
    return [head.name] + ([embedding.name] if embedding.op_type == "ReduceMean" else [])


def to_float16(model: onnx.ModelProto) -> onnx.ModelProto:
    """Half the size; inputs and outputs stay float32."""
    from onnxruntime.transformers.float16 import convert_float_to_float16

    with quiet():
        half = onnx_graph.clean(convert_float_to_float16(onnx_graph.copy_of(model), keep_io_types=True))
    onnx_graph.sort_nodes(half)
    onnx_graph.check(half)
    return half


def calibration_indices(truth: NDArray[np.integer]) -> NDArray[np.int64]:
    """Up to CALIBRATION pictures, evenly from every class."""
    order = np.argsort(truth, kind="stable")
    spread = np.linspace(0, len(order) - 1, min(CALIBRATION, len(order))).round().astype(int)
    return np.asarray(order[spread], np.int64)
