"""From a trained network to the files that a device loads, each through its gate and with its whole manifest.

float32 carries PyTorch's own numbers and must agree with PyTorch; int8 and float16 carry the numbers that their
own graph gave, and are refused when they cost too much. Latency is printed and kept in the run folder only:
it belongs to this machine, and the files shall come out the same byte for byte.
"""

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray

from ocelli_trainer.config import Config
from ocelli_trainer.data import transforms
from ocelli_trainer.data.dataset import SPLITS, Dataset, fingerprint
from ocelli_trainer.data.loader import Pictures
from ocelli_trainer.deliver import drift, onnx_graph, proof, quantize
from ocelli_trainer.deliver.export import Session, check_parity, to_onnx, to_torchscript
from ocelli_trainer.deliver.receipt import check_gate, make_receipt
from ocelli_trainer.errors import FindingError, say
from ocelli_trainer.fit import metrics
from ocelli_trainer.fit.evaluation import Evaluation, Scores, judge
from ocelli_trainer.fit.models import Classifier
from ocelli_trainer.manifest import (
    DatasetFacts,
    Input,
    Manifest,
    Output,
    Preprocess,
    Proof,
    ProofCase,
    Quantization,
    Training,
    significant,
)
from ocelli_trainer.run import Run

PARITY_PICTURES = 48
TOLERANCE = {"float32": 1e-3, "float16": 5e-3, "int8": 2e-2}  # of probabilities, or twice what was measured here
NOT_IN_MODEL = {"threads", "workers", "cache_mb", "device"}  # of this machine, not of the model


@dataclass(frozen=True)
class Trained:
    """All that the files are made from."""

    net: Classifier
    config: Config
    dataset: Dataset
    preprocess: Preprocess
    validation: Pictures
    test: Pictures
    scores: dict[str, Scores]  # PyTorch's, of "val" and "test"
    version: str


@dataclass(frozen=True)
class Variant:
    precision: str  # float32 | float16 | int8
    model: onnx.ModelProto
    pixels: bool  # takes uint8 NHWC pixels; otherwise float32 NCHW, normalised

    def feed(self, pictures: NDArray[np.uint8], preprocess: Preprocess) -> NDArray[np.generic]:
        return pictures if self.pixels else transforms.normalise(pictures, preprocess)

    def quantization(self, preprocess: Preprocess) -> Quantization | None:
        """How the runtime brings its values back to the pixels that the graph normalises by itself."""
        found = onnx_graph.uint8_scale(preprocess) if self.pixels else None
        return None if found is None else Quantization(*found)


def deliver(trained: Trained, output: Path, run: Run, force: bool) -> dict[str, Evaluation]:
    """Write every file asked for; returns what was measured of each."""
    shape = transforms.model_size(trained.preprocess)
    channels = len(trained.preprocess.mean)
    base = to_onnx(trained.net, channels, shape.height, shape.width)
    sample = _pixels(trained.test, PARITY_PICTURES, trained.validation)
    worst = check_parity(
        _torch_logits(trained, sample), Session(base), transforms.normalise(sample, trained.preprocess)
    )
    say(f"export: logits agree with PyTorch's within {worst:.1e} on {len(sample)} pictures, batch 1 and 3")
    if trained.config.export.torchscript:
        script = output.with_suffix(".pt")
        output.parent.mkdir(parents=True, exist_ok=True)
        to_torchscript(trained.net, channels, shape.height, shape.width, script)
        say(f"{script}: TorchScript, {script.stat().st_size / 1000:.0f} kB")
    evaluations, receipts = {}, []
    for variant in _variants(trained, base):
        path = (
            output if variant.precision == "float32" else output.with_stem(f"{output.stem}-{SUFFIX[variant.precision]}")
        )
        evaluation, receipt = _deliver_one(trained, variant, base, path, force)
        evaluations[variant.precision] = evaluation
        receipts.append(receipt)
    run.write_json(run.receipt, receipts)
    return evaluations


SUFFIX = {"int8": "int8", "float16": "fp16"}


def _variants(trained: Trained, base: onnx.ModelProto) -> list[Variant]:
    export, preprocess = trained.config.export, trained.preprocess
    wants_pixels = export.input == "uint8"
    variants = [Variant("float32", onnx_graph.take_uint8(base, preprocess) if wants_pixels else base, wants_pixels)]
    if export.int8:
        chosen = quantize.calibration_indices(trained.scores["val"].truth)
        calibration = np.stack([trained.validation[0, int(i)][0] for i in chosen])
        model = quantize.to_int8(base, transforms.normalise(calibration, preprocess))
        fits = onnx_graph.uint8_scale(preprocess) is not None
        if not fits:
            say("int8: this normalisation is no single scale and zero point, so the input stays float32")
        variants.append(Variant("int8", onnx_graph.take_uint8(model, preprocess) if fits else model, fits))
    if export.fp16:
        variants.append(Variant("float16", quantize.to_float16(base), False))
    return variants


def _deliver_one(
    trained: Trained, variant: Variant, base: onnx.ModelProto, path: Path, force: bool
) -> tuple[Evaluation, dict[str, Any]]:
    session = Session(variant.model)
    scores = trained.scores if variant.precision == "float32" else _scores(trained, variant, session)
    labels = trained.dataset.labels
    evaluation = judge(scores["val"], scores["test"], labels, trained.config.export.coverage)
    receipt = make_receipt(
        variant.precision, labels, trained.scores["test"], scores["test"], evaluation.temperature, base, variant.model
    )
    if variant.precision != "float32":
        check_gate(receipt, force)
    manifest = _manifest(trained, variant, session, scores, evaluation, receipt)
    onnx_graph.save(variant.model, manifest, path)
    one = variant.feed(_pixels(trained.test, 1, trained.validation), trained.preprocess)
    latency = session.latency_ms(one)
    assert manifest.proof is not None
    cases, tolerance = len(manifest.proof.cases), manifest.proof.tolerance
    say(
        f"{path}: {variant.precision}, {path.stat().st_size / 1000:.0f} kB, accuracy {evaluation.metrics.accuracy:.4f},"
        f" {latency:.3f} ms on one thread here, proof of {cases} within {tolerance:g}"
    )
    return evaluation, {"file": path.name, **receipt, "latency_ms": round(latency, 4)}


def _pixels(pictures: Pictures, count: int, more: Pictures) -> NDArray[np.uint8]:
    """`count` pictures spread over a split, filled up from another one (and with mirror images)."""
    chosen = np.unique(np.linspace(0, len(pictures) - 1, min(count, len(pictures))).round().astype(int))
    found = [pictures[0, int(i)][0] for i in chosen]
    found += [more[0, i][0] for i in range(min(count - len(found), len(more)))]
    found += [picture[:, ::-1] for picture in found[: count - len(found)]]  # mirrored, where a set is that small
    return np.stack(found)


@torch.inference_mode()
def _torch_logits(trained: Trained, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    net = trained.net.eval()
    batch = torch.from_numpy(transforms.normalise(pictures, trained.preprocess))
    logits: NDArray[np.float32] = net(batch)[0].numpy()
    return logits


def _scores(trained: Trained, variant: Variant, session: Session) -> dict[str, Scores]:
    result = {}
    for split, pictures in (("val", trained.validation), ("test", trained.test)):
        parts = []
        for start in range(0, len(pictures), 256):
            batch = np.stack([pictures[0, i][0] for i in range(start, min(start + 256, len(pictures)))])
            parts.append(session(variant.feed(batch, trained.preprocess)))
        logits, embedding = (np.concatenate(p) for p in zip(*parts, strict=True))
        result[split] = Scores(logits, embedding, trained.scores[split].truth)
    return result


def _manifest(
    trained: Trained,
    variant: Variant,
    session: Session,
    scores: dict[str, Scores],
    evaluation: Evaluation,
    receipt: dict[str, Any],
) -> Manifest:
    config, size = trained.config, transforms.model_size(trained.preprocess)
    held_out = np.concatenate([_all_pixels(trained.validation), _all_pixels(trained.test)])
    logits, embedding = (
        np.concatenate([getattr(scores[k], name) for k in ("val", "test")]) for name in ("logits", "embedding")
    )
    layout, dtype = ("NHWC", "uint8") if variant.pixels else ("NCHW", "float32")
    return Manifest(
        format=1,
        name=config.data.name,
        version=trained.version,
        labels=list(trained.dataset.labels),
        input=Input(
            "image",
            layout,
            dtype,
            config.model.color,
            size.width,
            size.height,
            variant.quantization(trained.preprocess),
        ),
        preprocess=trained.preprocess,
        output=Output("logits", "logits", evaluation.temperature, None, "embedding"),
        rejection=evaluation.rejection,
        drift=drift.baselines(held_out, logits, embedding, evaluation.temperature),
        training=_training(trained, evaluation, None if variant.precision == "float32" else receipt),
        proof=_proof(trained, variant, session, evaluation.temperature),
    )


def _all_pixels(pictures: Pictures) -> NDArray[np.uint8]:
    return np.stack([pictures[0, i][0] for i in range(len(pictures))])


def _training(trained: Trained, evaluation: Evaluation, receipt: dict[str, Any] | None) -> Training:
    config = trained.config
    hyperparameters: dict[str, Any] = {
        section: {k: v for k, v in asdict(getattr(config, section)).items() if k not in NOT_IN_MODEL}
        for section in ("model", "augment", "train")
    }
    hyperparameters["model"]["weights"] = Path(config.model.weights).name
    return Training(
        DatasetFacts(
            trained.dataset.name, fingerprint(trained.dataset), *(len(trained.dataset.splits[k]) for k in SPLITS)
        ),
        config.model.architecture,
        config.train.seed,
        hyperparameters,
        versions(),
        evaluation.metrics,
        receipt,
    )


def versions() -> dict[str, str]:
    import onnxruntime
    import PIL
    import torchvision

    found = {"torch": torch, "torchvision": torchvision, "onnx": onnx, "onnxruntime": onnxruntime, "pillow": PIL}
    return {name: str(module.__version__) for name, module in found.items()} | {"numpy": np.__version__}


def _proof(trained: Trained, variant: Variant, session: Session, temperature: float) -> Proof:
    """PyTorch's probabilities on the cases, and how far this graph may stray from them.

    Twice as far as it does here, or as far as it goes when pixels are one step off, whichever is more.
    """
    color, test = trained.config.model.color, trained.scores["test"]
    labels, size = trained.dataset.labels, transforms.model_size(trained.preprocess)
    count = proof.case_count(trained.config.export.proof, len(labels))
    offered = proof.candidates(trained.dataset, metrics.softmax(test.logits), test.truth, color, size, count)
    pictures = np.stack([transforms.eval_transform(proof.decode(c.data, color), trained.preprocess) for c in offered])
    expected = metrics.softmax(_torch_logits(trained, pictures), temperature)
    found = [
        metrics.softmax(session(variant.feed(shown, trained.preprocess))[0], temperature)
        for shown in (pictures, proof.one_step_off(pictures))
    ]
    kept = proof.select(offered, expected, found, count)
    if not kept:
        raise FindingError(
            f"{variant.precision}: no picture on which it agrees with PyTorch, so no proof", "train longer"
        )
    here, off = (float(np.abs(f - expected)[kept].max()) for f in found)
    tolerance = max(TOLERANCE[variant.precision], math.ceil(max(2 * here, off) * 1000) / 1000)
    cases = []
    for i in kept:
        row = [significant(float(p)) for p in expected[i]]
        cases.append(ProofCase(offered[i].name, labels[int(np.argmax(row))], proof.as_text(offered[i].data), row))
    return Proof(tolerance, cases)
