"""What is done to the exported graph as a file: cleaning, a uint8 prologue, the manifest. Needs onnx, not torch."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from ocelli_trainer import manifest as manifests
from ocelli_trainer.errors import TrainerError
from ocelli_trainer.files import write_whole
from ocelli_trainer.manifest import Manifest, Preprocess

OPSET = 20


def clean(model: onnx.ModelProto) -> onnx.ModelProto:
    """Drop the exporter's stack traces and shape notes: they hold paths of this machine and triple a small file."""
    del model.metadata_props[:]
    del model.graph.metadata_props[:]
    del model.graph.value_info[:]
    model.doc_string = model.graph.doc_string = ""
    model.producer_name, model.producer_version = "ocelli-trainer", ""
    for part in (model.graph.node, model.graph.initializer, model.graph.input, model.graph.output):
        for item in part:
            del item.metadata_props[:]
            item.doc_string = ""
    return model


def copy_of(model: onnx.ModelProto) -> onnx.ModelProto:
    """For converters that change, or even empty, the model they are given."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    return copy


def sort_nodes(model: onnx.ModelProto) -> None:
    """Put every node behind those it reads from, as ONNX demands and converters that append casts forget."""
    waiting = list(model.graph.node)
    made = {t.name for t in model.graph.initializer} | {i.name for i in model.graph.input} | {""}
    del model.graph.node[:]
    while waiting:
        ready = [n for n in waiting if made.issuperset(n.input)]
        if not ready:
            raise TrainerError(f"export: the graph has a cycle or lacks the input of {waiting[0].name}")
        model.graph.node.extend(ready)
        made.update(name for n in ready for name in n.output)
        waiting = [n for n in waiting if not made.issuperset(n.output)]


def uint8_scale(preprocess: Preprocess) -> tuple[float, int] | None:
    """(scale, zero point) with (pixel - zero point) * scale = the normalisation, where one pair says it all."""
    zero_points = [m / preprocess.rescale for m in preprocess.mean]
    scales = [preprocess.rescale / s for s in preprocess.std]
    whole = round(zero_points[0])
    if max(abs(z - whole) for z in zero_points) > 1e-4 or max(scales) - min(scales) > 1e-9 or not 0 <= whole <= 255:
        return None
    return scales[0], whole


def take_uint8(model: onnx.ModelProto, preprocess: Preprocess) -> onnx.ModelProto:
    """A copy that takes uint8 NHWC pixels: Transpose, then the normalisation as one DequantizeLinear.

    In an int8 graph it takes the place of the input's own Quantize/Dequantize pair and fuses into the first
    convolution; float32 pays nothing for it.
    """
    found = uint8_scale(preprocess)
    if found is None:
        raise TrainerError(
            "a uint8 input needs one mean and std for all channels and a whole zero point;"
            f" found mean {preprocess.mean}, std {preprocess.std}",
            "use --normalise half or --input float32",
        )
    changed = copy_of(model)
    graph = changed.graph
    image = graph.input[0]
    normalised = _bypass_input_quantization(graph, image.name)
    for node in graph.node:
        node.input[:] = ["normalised" if name == normalised else name for name in node.input]
    graph.initializer.append(numpy_helper.from_array(np.asarray(found[0], np.float32), "pixel_scale"))
    graph.initializer.append(numpy_helper.from_array(np.asarray(found[1], np.uint8), "pixel_zero_point"))
    pixels = helper.make_node("Transpose", [image.name], ["pixels"], "pixels", perm=[0, 3, 1, 2])  # NHWC => NCHW
    inputs = ["pixels", "pixel_scale", "pixel_zero_point"]
    graph.node.insert(0, pixels)
    graph.node.insert(1, helper.make_node("DequantizeLinear", inputs, ["normalised"], "normalised"))
    batch, channels, height, width = (d.dim_param or d.dim_value for d in image.type.tensor_type.shape.dim)
    shape = [batch, height, width, channels]
    image.CopyFrom(helper.make_tensor_value_info(image.name, TensorProto.UINT8, shape))
    check(changed)
    return changed


def _bypass_input_quantization(graph: onnx.GraphProto, image: str) -> str:
    """Remove QuantizeLinear and DequantizeLinear right behind the input; returns the name their users read."""
    for quantize in [n for n in graph.node if n.op_type == "QuantizeLinear" and n.input[0] == image]:
        dequantize = next(n for n in graph.node if n.input[0] == quantize.output[0])
        graph.node.remove(quantize)
        graph.node.remove(dequantize)
        unused = set(quantize.input[1:]) - {name for n in graph.node for name in n.input}
        for tensor in [t for t in graph.initializer if t.name in unused]:
            graph.initializer.remove(tensor)
        return str(dequantize.output[0])
    return image


def check(model: onnx.ModelProto) -> None:
    """Structure, opset and self-containedness, asserted before a file is written."""
    onnx.checker.check_model(model)
    used = {n.domain for n in model.graph.node}
    opsets = {o.domain: o.version for o in model.opset_import if o.domain in used}
    if opsets != {"": OPSET}:
        raise TrainerError(f"export: expected only ONNX opset {OPSET}, found {opsets}")
    if any(t.data_location == TensorProto.EXTERNAL for t in model.graph.initializer):
        raise TrainerError("export: weights lie outside the file, expected one file")


def save(model: onnx.ModelProto, manifest: Manifest, path: Path) -> None:
    described = copy_of(model)
    helper.set_model_props(described, {manifests.KEY: manifests.to_json(manifest)})
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, described.SerializeToString(deterministic=True))


def read_manifest(path: Path) -> Manifest:
    return manifests.from_json(manifest_text(path))


def manifest_text(path: Path) -> str:
    """The manifest's JSON as it stands in the file."""
    props = {p.key: p.value for p in onnx.load(path, load_external_data=False).metadata_props}
    if manifests.KEY not in props:
        raise TrainerError(f"{path} has no metadata key {manifests.KEY!r}", "export it with `ocelli-train train`")
    text: str = props[manifests.KEY]
    return text
