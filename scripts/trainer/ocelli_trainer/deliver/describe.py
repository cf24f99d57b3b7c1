"""Writes a graph's manifest: what it takes and gives, how it was trained and measured, what drifts, what proves it."""

import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ocelli_trainer.data import transforms
from ocelli_trainer.data.dataset import SPLITS, fingerprint
from ocelli_trainer.deliver import drift, label_proof, proof
from ocelli_trainer.deliver.session import Session
from ocelli_trainer.deliver.variants import Variant
from ocelli_trainer.errors import FindingError
from ocelli_trainer.fit import metrics
from ocelli_trainer.fit.evaluation import AnyEvaluation, Evaluation, Scores
from ocelli_trainer.fit.features import fit_features
from ocelli_trainer.fit.trained import Trained
from ocelli_trainer.manifest import (
    DatasetFacts,
    Input,
    Manifest,
    Proof,
    ProofCase,
    Training,
    significant,
)

TOLERANCE = {"float32": 1e-3, "float16": 5e-3, "int8": 2e-2}  # of probabilities, or twice what was measured here
NOT_IN_MODEL = {"threads", "workers", "cache_mb", "device"}  # of this machine, not of the model


def describe(
    trained: Trained,
    variant: Variant,
    session: Session,
    scores: dict[str, Scores],
    evaluation: AnyEvaluation,
    receipt: dict[str, Any],
) -> Manifest:
    config = trained.config
    return Manifest(
        format=1,
        name=config.data.name,
        version=config.export.version,
        labels=list(trained.dataset.labels),
        input=_input(trained, variant),
        preprocess=trained.preprocess,
        output=evaluation.output(),
        rejection=evaluation.rejection,
        drift=_drift(trained, scores, evaluation),
        training=_training(trained, evaluation, None if variant.precision == "float32" else receipt),
        proof=_proof(trained, variant, session, evaluation),
    )


def _input(trained: Trained, variant: Variant) -> Input:
    size, color = transforms.model_size(trained.preprocess), trained.config.model.color
    layout, dtype = ("NHWC", "uint8") if variant.pixels else ("NCHW", "float32")
    return Input("image", layout, dtype, color, size.width, size.height, variant.quantization(trained.preprocess))


def _drift(trained: Trained, scores: dict[str, Scores], evaluation: AnyEvaluation) -> dict[str, Any]:
    """From all held-out pictures, and what this very graph says of them. Of independent labels the surest one counts
    as the class of its picture."""
    held_out = np.concatenate([p.pixels(range(len(p))) for p in (trained.validation, trained.test)])
    validation, test = scores["val"], scores["test"]
    answers = [evaluation.probabilities(split.logits) for split in (validation, test)]
    if isinstance(evaluation, Evaluation):
        features = evaluation.features
    else:
        surest = answers[0].argmax(1)
        features = fit_features(validation.embedding, surest, surest, answers[0].shape[1])
    distances = np.empty(0)
    if features is not None:
        distances = np.concatenate([features.fitted, features.distances(test.embedding, answers[1].argmax(1))])
    return drift.baselines(held_out, np.concatenate(answers), features, distances)


def _training(trained: Trained, evaluation: AnyEvaluation, receipt: dict[str, Any] | None) -> Training:
    config, dataset = trained.config, trained.dataset
    hyperparameters: dict[str, Any] = {
        section: {k: v for k, v in asdict(getattr(config, section)).items() if k not in NOT_IN_MODEL}
        for section in ("model", "augment", "train")
    }
    hyperparameters["model"]["weights"] = Path(config.model.weights).name
    return Training(
        DatasetFacts(dataset.name, fingerprint(dataset), *(len(dataset.splits[split]) for split in SPLITS)),
        config.model.architecture,
        config.train.seed,
        hyperparameters,
        versions(),
        evaluation.metrics,
        receipt,
    )


def versions() -> dict[str, str]:
    import onnx
    import onnxruntime
    import PIL
    import torch
    import torchvision

    found = {"torch": torch, "torchvision": torchvision, "onnx": onnx, "onnxruntime": onnxruntime, "pillow": PIL}
    return {name: str(module.__version__) for name, module in found.items()} | {"numpy": np.__version__}


def _proof(trained: Trained, variant: Variant, session: Session, evaluation: AnyEvaluation) -> Proof:
    """PyTorch's probabilities on the cases, and how far this graph may stray from them.

    Twice as far as it does here, or as far as it goes when pixels are one step off, whichever is more.
    """
    color, labels, size = trained.config.model.color, trained.dataset.labels, transforms.model_size(trained.preprocess)
    count = proof.case_count(trained.config.export.proof, len(labels))
    offered = proof.candidates(trained.dataset, _preferred(trained, evaluation, count), color, size)
    pictures = np.stack([transforms.eval_transform(proof.decode(c.data, color), trained.preprocess) for c in offered])
    expected = evaluation.probabilities(trained.logits(pictures))
    found = [
        evaluation.probabilities(session(variant.feed(shown, trained.preprocess))[0])
        for shown in (pictures, proof.one_step_off(pictures))
    ]
    tolerance = least = TOLERANCE[variant.precision]
    while True:  # a larger tolerance may cost a case of independent labels, so it is asked for again
        if isinstance(evaluation, Evaluation):
            kept = proof.select(offered, expected, found, count)
        else:
            kept = label_proof.select(offered, expected, found, count, tolerance)
        if not kept:
            raise FindingError(
                f"{variant.precision}: no picture on which it agrees with PyTorch, so no proof", "train longer"
            )
        here, off = (float(np.abs(f - expected)[kept].max()) for f in found)
        needed = max(least, math.ceil(max(2 * here, off) * 1000) / 1000)
        if needed <= tolerance:
            break
        tolerance = needed
    cases = []
    for i in kept:
        row = [significant(float(p)) for p in expected[i]]
        cases.append(ProofCase(offered[i].name, labels[int(np.argmax(row))], proof.as_text(offered[i].data), row))
    return Proof(tolerance, cases)


def _preferred(trained: Trained, evaluation: AnyEvaluation, count: int) -> list[int]:
    """More test pictures than cases are wanted, the best first: some will not do."""
    test, typical, offered = trained.scores["test"], count - proof.PROBES, proof.SPARE * count
    if isinstance(evaluation, Evaluation):
        return proof.preferred(metrics.softmax(test.logits), test.truth, typical, offered)
    probabilities = evaluation.probabilities(test.logits)
    return label_proof.preferred(probabilities, evaluation.thresholds, test.truth, typical, offered)
