"""Graph surgery and quantisation, on a small graph made by hand: no torch."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from ocelli_trainer.config import ModelConfig
from ocelli_trainer.data import preprocessing as preprocess
from ocelli_trainer.data import transforms
from ocelli_trainer.deliver import onnx_graph, quantize, receipt
from ocelli_trainer.errors import FindingError, TrainerError
from ocelli_trainer.fit.evaluation import Scores


def tiny_model() -> onnx.ModelProto:
    """image [N,3,6,4] -> Conv 3x3 -> Relu -> mean = embedding [N,5] -> Gemm = logits [N,2]; seeded weights."""
    rng = np.random.default_rng(3)
    weights = {"kernel": (5, 3, 3, 3), "bias": (5,), "head": (2, 5)}
    tensors = [numpy_helper.from_array(rng.normal(0, 0.4, s).astype(np.float32), n) for n, s in weights.items()]
    tensors.append(numpy_helper.from_array(np.array([2, 3], np.int64), "axes"))
    nodes = [
        helper.make_node("Conv", ["image", "kernel", "bias"], ["conv"], "conv", pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["conv"], ["relu"], "relu"),
        helper.make_node("ReduceMean", ["relu", "axes"], ["embedding"], "mean", keepdims=0),
        helper.make_node("Gemm", ["embedding", "head"], ["logits"], "head_gemm", transB=1),
    ]
    values = [
        helper.make_tensor_value_info(n, TensorProto.FLOAT, ["batch", *s])
        for n, s in {"image": (3, 6, 4), "logits": (2,), "embedding": (5,)}.items()
    ]
    graph = helper.make_graph(nodes, "tiny", values[:1], values[1:], tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", onnx_graph.OPSET)], ir_version=10)


def run(model: onnx.ModelProto, batch: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    logits: np.ndarray = session.run(["logits"], {"image": batch})[0]
    return logits


CHAIN = preprocess.from_config(ModelConfig(size="8"))
PIXELS = np.random.default_rng(1).integers(0, 256, (40, 6, 4, 3), dtype=np.uint8)
VALUES = transforms.normalise(PIXELS, CHAIN)


def test_a_uint8_graph_gives_the_float_graphs_answers() -> None:
    model = tiny_model()
    pixels = onnx_graph.take_uint8(model, CHAIN)
    shape = pixels.graph.input[0].type.tensor_type
    assert shape.elem_type == TensorProto.UINT8
    assert [d.dim_param or d.dim_value for d in shape.shape.dim] == ["batch", 6, 4, 3]
    assert np.abs(run(pixels, PIXELS) - run(model, VALUES)).max() < 1e-5
    assert model == tiny_model()  # the original is left alone


def test_a_normalisation_per_channel_cannot_be_one_uint8_prologue() -> None:
    chain = preprocess.from_config(ModelConfig(size="8", normalise="imagenet"))
    with pytest.raises(TrainerError, match="use --normalise half or --input float32"):
        onnx_graph.take_uint8(tiny_model(), chain)


def test_int8_holds_its_convolution_in_8_bits_and_stays_close() -> None:
    model = tiny_model()
    int8 = quantize.to_int8(model, VALUES)
    assert model == tiny_model()
    kinds = {t.name: t.data_type for t in int8.graph.initializer}
    assert kinds["kernel_quantized"] == TensorProto.INT8 and kinds["head"] == TensorProto.FLOAT
    assert next(t.dims for t in int8.graph.initializer if t.name == "kernel_scale") == [5]  # per channel
    reference = run(model, VALUES)
    assert 0 < np.abs(run(int8, VALUES) - reference).max() < 0.03 * np.abs(reference).max()


def test_int8_from_pixels_equals_int8_from_values() -> None:
    int8 = quantize.to_int8(
        tiny_model(),
        np.concatenate([VALUES, np.full_like(VALUES[:1], -1.0039216), np.full_like(VALUES[:1], 0.9960785)]),
    )
    pixels = onnx_graph.take_uint8(int8, CHAIN)
    assert not any(n.op_type == "QuantizeLinear" and "image" in n.input for n in pixels.graph.node)
    assert np.abs(run(pixels, PIXELS) - run(int8, VALUES)).max() < 2e-2


def test_float16_halves_the_weights_and_keeps_float32_ends() -> None:
    half = quantize.to_float16(tiny_model())
    assert next(t.data_type for t in half.graph.initializer if t.name == "kernel") == TensorProto.FLOAT16
    assert half.graph.input[0].type.tensor_type.elem_type == TensorProto.FLOAT
    assert np.abs(run(half, VALUES) - run(tiny_model(), VALUES)).max() < 5e-3


def test_cleaning_leaves_no_trace_of_the_machine() -> None:
    model = tiny_model()
    model.graph.node[0].doc_string = "/home/someone/model.py"
    prop = model.graph.node[0].metadata_props.add()
    prop.key, prop.value = "stack_trace", "/home/someone/model.py"
    assert b"someone" in model.SerializeToString()
    assert b"someone" not in onnx_graph.clean(model).SerializeToString()


def test_a_foreign_opset_is_refused() -> None:
    model = tiny_model()
    model.opset_import[0].version = 18
    with pytest.raises(TrainerError, match=r"expected only ONNX opset 20, found .*18"):
        onnx_graph.check(model)


def test_calibration_pictures_come_evenly_from_all_classes() -> None:
    truth = np.repeat([0, 1, 2, 3], 500)
    chosen = quantize.calibration_indices(truth)
    assert len(chosen) == quantize.CALIBRATION
    assert np.bincount(truth[chosen]).tolist() == [50, 50, 50, 50]
    assert quantize.calibration_indices(truth[:3]).tolist() == [0, 1, 2]


def test_a_file_without_a_manifest_is_told_so(tmp_path: Path) -> None:
    onnx.save(tiny_model(), tmp_path / "bare.onnx")
    with pytest.raises(TrainerError, match="has no metadata key 'ocelli'; export it with `ocelli-train train`"):
        onnx_graph.read_manifest(tmp_path / "bare.onnx")


def costs(wrong_before: int, wrong_after: int) -> dict[str, Any]:
    """A receipt over 100 test pictures of two classes with so many mistakes."""

    def scores(wrong: int) -> Scores:
        truth = np.arange(100) % 2
        predicted = np.where(np.arange(100) < wrong, 1 - truth, truth)
        return Scores(np.eye(2, dtype=np.float32)[predicted], np.zeros((100, 1), np.float32), truth)

    model = tiny_model()
    return receipt.make_receipt("int8", ("a", "b"), scores(wrong_before), scores(wrong_after), 1.0, model, model)


def test_the_gate_takes_one_point_and_refuses_two(capsys: pytest.CaptureFixture[str]) -> None:
    receipt.check_gate(costs(3, 4), force=False)
    assert "accuracy 0.9700 => 0.9600, agreement 0.9900" in capsys.readouterr().err
    with pytest.raises(FindingError, match=r"int8 refused: accuracy falls by 2.00 points \(at most 1\)"):
        receipt.check_gate(costs(3, 5), force=False)
    receipt.check_gate(costs(3, 5), force=True)
    assert "written all the same, as asked by --force" in capsys.readouterr().err


def test_the_gate_refuses_many_changed_answers_even_at_better_accuracy() -> None:
    with pytest.raises(FindingError, match=r"agreement 0\.9"):
        receipt.check_gate(costs(4, 0), force=False)
