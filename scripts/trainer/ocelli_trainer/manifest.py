"""The facts that travel inside the model: one JSON value under the ONNX metadata key `ocelli`, format 1.

The runtime refuses unknown and missing keys, so these dataclasses are the one place where keys are named;
their field order is the order in the file.
"""

import json
import math
import re
from dataclasses import MISSING, dataclass, fields, is_dataclass
from typing import Any

from ocelli_trainer.errors import TrainerError
from ocelli_trainer.measured import ClassMetrics, LeaveOneClassOut, Metrics

FORMAT = 1
RESIZES = ("shortest", "exact", "letterbox")  # what transforms.py can do
KEY = "ocelli"
SIGMOID_LOGITS = "sigmoid-logits"  # the output's kind where labels are independent of one another


@dataclass(frozen=True)
class Quantization:
    """Affine quantisation: value = (q - zero_point) * scale."""

    scale: float
    zero_point: int


@dataclass(frozen=True)
class Input:
    tensor: str
    layout: str  # NCHW | NHWC
    dtype: str  # float32 | float16 | uint8 | int8
    color: str  # RGB | BGR | GRAY
    width: int
    height: int
    quantization: Quantization | None


@dataclass(frozen=True)
class Size:
    width: int
    height: int


@dataclass(frozen=True)
class Preprocess:
    """From a decoded picture to the tensor's values: resize, centre crop, (pixel * rescale - mean) / std."""

    resize: dict[str, Any]  # {"mode": "shortest", "size": n} and the like, see transforms.py
    filter: str
    antialias: bool
    crop: Size | None
    rescale: float
    mean: list[float]
    std: list[float]
    crop_rule: str = "torchvision"  # the only one that the trainer's transforms know; written where it is another


@dataclass(frozen=True)
class Independent:
    """In the labels' order: a label's probability is sigmoid(logit / temperature); from its threshold on it counts."""

    thresholds: list[float]
    temperatures: list[float]


@dataclass(frozen=True)
class Output:
    tensor: str
    kind: str  # logits | sigmoid-logits, of the kinds that the runtime knows
    temperature: float
    quantization: Quantization | None
    embedding: str | None
    independent: Independent | None = None  # written only where labels are independent of one another


@dataclass(frozen=True)
class Rejection:
    """Below `threshold` (top-1 calibrated probability) or beyond `distance` the decision is "unknown"."""

    threshold: float
    coverage: float  # share of held-out pictures kept
    accuracy: float  # of those kept
    distance: float | None = None  # of the features, see fit/features.py; none where only scores decide


@dataclass(frozen=True)
class DatasetFacts:
    name: str
    fingerprint: str
    train: int
    validation: int
    test: int


@dataclass(frozen=True)
class Training:
    dataset: DatasetFacts
    architecture: str
    seed: int
    hyperparameters: dict[str, Any]
    versions: dict[str, str]
    metrics: Metrics
    receipt: dict[str, Any] | None
    taught: dict[str, Any] | None = None  # written by `ocelli teach` only


@dataclass(frozen=True)
class ProofCase:
    name: str
    label: str  # of the highest probability: shows labels that changed places
    image: str  # base64 of an encoded PNG or JPEG
    probabilities: list[float]


@dataclass(frozen=True)
class Proof:
    tolerance: float
    cases: list[ProofCase]


@dataclass(frozen=True)
class Manifest:
    format: int
    name: str
    version: str
    labels: list[str]
    input: Input
    preprocess: Preprocess
    output: Output
    rejection: Rejection | None
    drift: dict[str, Any] | None  # see drift.py
    training: Training | None
    proof: Proof | None


def to_json(manifest: Manifest) -> str:
    check(manifest)
    return json.dumps(as_written(manifest), ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def as_written(value: Any) -> Any:
    """As JSON has it; keys with a default are left out where they say just that: runtimes before 0.2 refuse them."""
    if isinstance(value, list):
        return [as_written(v) for v in value]
    if not is_dataclass(value):
        return value
    found = {f: getattr(value, f.name) for f in fields(value)}
    return {f.name: as_written(v) for f, v in found.items() if f.default is MISSING or v != f.default}


def from_json(text: str) -> Manifest:
    """Read a manifest back; unknown and missing keys are refused as the runtime refuses them."""
    raw = json.loads(text)
    nested = {
        "input": lambda v: _build(Input, v, "input", quantization=_quantization),
        "preprocess": lambda v: _build(Preprocess, v, "preprocess", crop=lambda c: _build(Size, c, "preprocess.crop")),
        "output": lambda v: _build(
            Output,
            v,
            "output",
            quantization=_quantization,
            independent=lambda i: _build(Independent, i, "output.independent"),
        ),
        "rejection": lambda v: _build(Rejection, v, "rejection"),
        "training": _training,
        "proof": lambda v: _build(
            Proof, v, "proof", cases=lambda cases: [_build(ProofCase, c, "proof.cases") for c in cases]
        ),
    }
    manifest: Manifest = _build(Manifest, raw, "manifest", **nested)
    check(manifest)
    return manifest


def _quantization(value: Any) -> Quantization:
    built: Quantization = _build(Quantization, value, "quantization")
    return built


def _training(value: Any) -> Training:
    def metrics(v: Any) -> Any:
        return _build(
            Metrics,
            v,
            "metrics",
            per_class=lambda rows: [_build(ClassMetrics, r, "per_class") for r in rows],
            leave_one_class_out=lambda found: _build(LeaveOneClassOut, found, "leave_one_class_out"),
        )

    built: Training = _build(
        Training, value, "training", dataset=lambda v: _build(DatasetFacts, v, "training.dataset"), metrics=metrics
    )
    return built


def _build(kind: Any, value: Any, place: str, **nested: Any) -> Any:
    assert is_dataclass(kind)
    if not isinstance(value, dict):
        raise TrainerError(f"manifest: {place} must be an object, found {type(value).__name__}")
    expected, found = {f.name for f in fields(kind)}, set(value)
    stated = {f.name for f in fields(kind) if f.default is MISSING}
    if not stated <= found <= expected:
        raise TrainerError(
            f"manifest: {place} has unknown keys {sorted(found - expected)} and lacks {sorted(stated - found)}"
        )
    built = {key: nested[key](v) if key in nested and v is not None else v for key, v in value.items()}
    return kind(**built)  # type: ignore[operator]


def check(manifest: Manifest) -> None:
    """The rules that key names alone do not carry."""
    problems = []
    if manifest.format != FORMAT:
        problems.append(f"format: expected {FORMAT}, found {manifest.format}")
    if not re.fullmatch(r"[A-Za-z0-9._-]+", manifest.name):
        problems.append(f"name: expected letters, digits, '.', '_' or '-', found {manifest.name!r}")
    mode, rule = manifest.preprocess.resize.get("mode"), manifest.preprocess.crop_rule
    if mode not in RESIZES or rule != Preprocess.crop_rule:
        problems.append(f"preprocess: the trainer has no resize {mode!r} with the crop rule {rule!r}")
    labels = manifest.labels
    if not labels or len(set(labels)) != len(labels) or not all(labels):
        problems.append(f"labels: expected unique and non-empty, found {labels}")
    channels = 1 if manifest.input.color == "GRAY" else 3
    problems += [
        f"preprocess.{name}: expected one number per channel of {manifest.input.color}, found {values}"
        for name, values in (("mean", manifest.preprocess.mean), ("std", manifest.preprocess.std))
        if len(values) != channels
    ]
    if not all(s > 0 for s in manifest.preprocess.std):
        problems.append(f"preprocess.std: expected positive, found {manifest.preprocess.std}")
    if not manifest.output.temperature > 0:
        problems.append(f"output.temperature: expected positive, found {manifest.output.temperature}")
    problems += _independent_problems(manifest)
    problems += _proof_problems(manifest)
    if problems:
        raise TrainerError("manifest: " + "; ".join(problems))


def _independent_problems(manifest: Manifest) -> list[str]:
    each, kind = manifest.output.independent, manifest.output.kind
    if (each is not None) != (kind == SIGMOID_LOGITS):
        return [f"output.independent: expected for {SIGMOID_LOGITS} and no other kind, found {each} for {kind}"]
    if each is None:
        return []
    problems = [
        f"output.independent.{name}: expected {len(manifest.labels)} numbers, found {len(values)}"
        for name, values in (("thresholds", each.thresholds), ("temperatures", each.temperatures))
        if len(values) != len(manifest.labels)
    ]
    if not all(0 <= t <= 1 for t in each.thresholds):
        problems.append(f"output.independent.thresholds: expected 0 to 1, found {each.thresholds}")
    if not all(t > 0 for t in each.temperatures):
        problems.append(f"output.independent.temperatures: expected positive, found {each.temperatures}")
    return problems


def _proof_problems(manifest: Manifest) -> list[str]:
    problems = []
    for case in manifest.proof.cases if manifest.proof else []:
        if len(case.probabilities) != len(manifest.labels):
            problems.append(
                f"proof {case.name}: expected {len(manifest.labels)} probabilities, found {len(case.probabilities)}"
            )
            continue
        best = manifest.labels[max(range(len(manifest.labels)), key=case.probabilities.__getitem__)]
        if case.label != best:
            problems.append(f"proof {case.name}: label {case.label!r}, but the highest probability is of {best!r}")
        if manifest.output.independent is None and not math.isclose(sum(case.probabilities), 1, abs_tol=1e-3):
            problems.append(f"proof {case.name}: probabilities add up to {sum(case.probabilities):.4f}, expected 1")
    return problems


def significant(value: float, digits: int = 6) -> float:
    """Round to significant digits: the file stays small and its bytes stay the same from run to run."""
    return float(f"{value:.{digits}g}")
