"""Stages before the network, timed by `ocelli bench` with a network that costs nothing, and
what others take for the same."""

import json
import pathlib
import subprocess
import time
from collections.abc import Callable

import numpy as np
import onnx

FACTS = ["--color", "rgb", "--resize", "exact", "--rescale", "1/255", "--mean", "0,0,0", "--std", "1,1,1", "--output", "logits"]


def network(size: int) -> bytes:
    """Looks at one pixel: its time does not count, its input does."""
    helper, float32 = onnx.helper, onnx.TensorProto.FLOAT
    nodes = [
        helper.make_node("Slice", ["x", "zero", "one", "axes"], ["pixel"]),
        helper.make_node("Reshape", ["pixel", "shape"], ["y"]),
    ]
    constants = {"zero": [0, 0], "one": [1, 1], "axes": [2, 3], "shape": [1, 3]}
    graph = helper.make_graph(
        nodes,
        "pixel",
        [helper.make_tensor_value_info("x", float32, [1, 3, size, size])],
        [helper.make_tensor_value_info("y", float32, [1, 3])],
        [onnx.numpy_helper.from_array(np.array(v, np.int64), n) for n, v in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    return model.SerializeToString()


def models(folder: pathlib.Path, sizes: list[int]) -> dict[int, pathlib.Path]:
    """A model per input size, and the labels beside them."""
    (folder / "labels.txt").write_text("a\nb\nc\n")
    paths = {size: folder / f"{size}.onnx" for size in sizes}
    for size, path in paths.items():
        path.write_bytes(network(size))
    return paths


def least(program: str, stage: str, model: pathlib.Path, frame: pathlib.Path, *flags: str, seconds: float = 0.4) -> float:
    """The least milliseconds of a stage, one thread."""
    command = [program, "bench", "-q", "--json", "--engine", "rten", "--threads", "1", "--seconds", str(seconds),
               "-m", model, "--labels", model.with_name("labels.txt"), *FACTS, *flags, frame]
    row = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)[0]
    return float(row[f"{stage}_ms"]["min"])


def least_of(call: Callable[[], object], seconds: float = 0.2) -> float:
    """The least milliseconds of a call."""
    best = float("inf")
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        begin = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - begin)
    return best * 1e3
