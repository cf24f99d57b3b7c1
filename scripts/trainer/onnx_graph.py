"""What is done to the exported graph as a file: cleaning, a uint8 prologue, the manifest. Needs onnx, not torch."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from trainer import manifest as manifests
from trainer.errors import TrainerError
from trainer.manifest import Manifest

OPSET = 20


def clean(model: onnx.ModelProto) -> onnx.ModelProto:
    """Drop the exporter's stack traces and shape notes: they hold paths of this machine and triple a small file."""
    del model.metadata_props[:]
    del model.graph.metadata_props[:]
    del model.graph.value_info[:]
    model.doc_string = model.graph.doc_string = ""
    for part in (model.graph.node, model.graph.initializer, model.graph.input, model.graph.output):
        for item in part:
            del item.metadata_props[:]
            item.doc_string = ""
    for node in model.graph.node:
        node.name = node.name or f"{node.op_type}_{node.output[0]}"
    return model


def prepend_uint8_prologue(model: onnx.ModelProto, rescale: float, mean: list[float], std: list[float]) -> None:
    """Let the graph take uint8 NHWC pixels: Transpose, then the normalisation as one DequantizeLinear.

    One scale and a whole zero point are needed, (pixel - zero_point) * scale: int8 then fuses the prologue into
    the first convolution, and float32 pays nothing for it.
    """
    zero_points, scales = [m / rescale for m in mean], [rescale / s for s in std]
    if np.ptp(zero_points) > 1e-6 or np.ptp(scales) > 1e-9 or abs(zero_points[0] - round(zero_points[0])) > 1e-4:
        raise TrainerError(
            f"a uint8 input needs one mean and std for all channels, the mean a whole number of 255ths; found mean {mean}, std {std}",
            "use --normalise half or --input float32",
        )
    graph = model.graph
    old = graph.input[0]
    batch, channels, height, width = (d.dim_param or d.dim_value for d in old.type.tensor_type.shape.dim)
    for node in graph.node:
        for i, name in enumerate(node.input):
            if name == old.name:
                node.input[i] = "normalised"
    graph.initializer.append(numpy_helper.from_array(np.float32(scales[0]), "pixel_scale"))
    graph.initializer.append(numpy_helper.from_array(np.uint8(round(zero_points[0])), "pixel_zero_point"))
    transpose = helper.make_node("Transpose", [old.name], ["pixels"], "prologue_transpose", perm=[0, 3, 1, 2])
    dequantize = helper.make_node(
        "DequantizeLinear", ["pixels", "pixel_scale", "pixel_zero_point"], ["normalised"], "prologue_normalise"
    )
    graph.node.insert(0, transpose)
    graph.node.insert(1, dequantize)
    new = helper.make_tensor_value_info(old.name, TensorProto.UINT8, [batch, height, width, channels])
    graph.input[0].CopyFrom(new)


def check(model: onnx.ModelProto) -> None:
    """Structure, opset and self-containedness, asserted before a file is written."""
    onnx.checker.check_model(model)
    opsets = {o.domain: o.version for o in model.opset_import if any(n.domain == o.domain for n in model.graph.node)}
    if opsets != {"": OPSET}:
        raise TrainerError(f"export: expected only ONNX opset {OPSET}, found {opsets}")
    if any(t.data_location == TensorProto.EXTERNAL for t in model.graph.initializer):
        raise TrainerError("export: weights lie outside the file, expected one file")


def save(model: onnx.ModelProto, manifest: Manifest, path: Path) -> None:
    """Write the file whole or not at all: a half-written model must never stand under its final name."""
    del model.metadata_props[:]
    helper.set_model_props(model, {manifests.KEY: manifests.to_json(manifest)})
    model.producer_name, model.producer_version = "ocelli-trainer", ""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    partial.write_bytes(model.SerializeToString(deterministic=True))
    partial.replace(path)


def read_manifest(path: Path) -> Manifest:
    props = {p.key: p.value for p in onnx.load(path, load_external_data=False).metadata_props}
    if manifests.KEY not in props:
        raise TrainerError(f"{path} has no metadata key {manifests.KEY!r}", "export it with `trainer train`")
    return manifests.from_json(props[manifests.KEY])
