"""From a trained network to the files that a device loads, each through its gate and with its whole manifest.

float32 carries PyTorch's own numbers and must agree with PyTorch; int8 and float16 carry the numbers that their
own graph gave, and are refused when they cost too much. Latency is printed and kept in the run folder only:
it belongs to this machine, and the files shall come out the same byte for byte.
"""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from ocelli_trainer.data import transforms
from ocelli_trainer.data.findings import few
from ocelli_trainer.data.loader import Pictures
from ocelli_trainer.deliver import onnx_graph
from ocelli_trainer.deliver.describe import describe
from ocelli_trainer.deliver.receipt import check_gate, make_label_receipt, make_receipt
from ocelli_trainer.deliver.session import Session, check_parity
from ocelli_trainer.deliver.torch_export import to_onnx, to_torchscript
from ocelli_trainer.deliver.variants import Variant, make_variants
from ocelli_trainer.errors import say, warn
from ocelli_trainer.fit.evaluation import AnyEvaluation, Evaluation, evaluate
from ocelli_trainer.fit.label_calibration import FEW, PLAIN
from ocelli_trainer.fit.label_evaluation import LabelEvaluation
from ocelli_trainer.fit.trained import Trained
from ocelli_trainer.run import Run

PARITY_PICTURES = 48


def export(trained: Trained, output: Path, run: Run, force: bool) -> None:
    """Write every file asked for, and what each cost and brought into the run folder."""
    size, channels = transforms.model_size(trained.preprocess), len(trained.preprocess.mean)
    base = to_onnx(trained.net, channels, size.height, size.width)
    sample = _spread(trained.test, PARITY_PICTURES, trained.validation)
    worst = check_parity(trained.logits(sample), Session(base), transforms.normalise(sample, trained.preprocess))
    say(f"export: logits agree with PyTorch's within {worst:.1e} on {len(sample)} pictures, batch 1 and 3")
    if trained.config.export.torchscript:
        script = output.with_suffix(".pt")
        output.parent.mkdir(parents=True, exist_ok=True)
        to_torchscript(trained.net, channels, size.height, size.width, script)
        say(f"{script}: TorchScript, {script.stat().st_size / 1000:.0f} kB")
    labels, coverage = trained.dataset.labels, trained.config.export.coverage
    own = evaluate(trained.scores["val"], trained.scores["test"], labels, coverage)
    if isinstance(own, LabelEvaluation) and own.unfitted:
        names = few(own.unfitted, "labels")
        warn(f"fewer than {FEW} validation pictures with or without {names}: temperature 1, threshold {PLAIN}")
    receipts = [_write(trained, variant, base, own, output, force) for variant in make_variants(trained, base)]
    run.write_json(run.receipt, receipts)


def _write(
    trained: Trained, variant: Variant, base: onnx.ModelProto, own: AnyEvaluation, output: Path, force: bool
) -> dict[str, Any]:
    """One file; returns its receipt, with what is true on this machine only. `own` is PyTorch's evaluation."""
    session, labels = Session(variant.model), trained.dataset.labels
    scores = variant.scores(session, trained)
    evaluation = evaluate(scores["val"], scores["test"], labels, trained.config.export.coverage)
    reference, test, graphs = trained.scores["test"], scores["test"], (base, variant.model)
    if isinstance(evaluation, Evaluation):
        receipt = make_receipt(variant.precision, labels, reference, test, evaluation.temperature, *graphs)
    else:
        assert isinstance(own, LabelEvaluation)
        receipt = make_label_receipt(variant.precision, (own, reference), (evaluation, test), *graphs)
    if variant.precision != "float32":
        check_gate(receipt, force)
    manifest = describe(trained, variant, session, scores, evaluation, receipt)
    path = output.with_stem(output.stem + variant.suffix)
    onnx_graph.save(variant.model, manifest, path)
    one = variant.feed(_spread(trained.test, 1, trained.validation), trained.preprocess)
    latency = session.latency_ms(one)
    assert manifest.proof is not None
    cases, tolerance = len(manifest.proof.cases), manifest.proof.tolerance
    say(
        f"{path}: {variant.precision}, {path.stat().st_size / 1000:.0f} kB, {evaluation.headline},"
        f" {latency:.3f} ms on one thread here, proof of {cases} within {tolerance:g}"
    )
    return {"file": path.name, **receipt, "latency_ms": round(latency, 4)}


def _spread(pictures: Pictures, count: int, more: Pictures) -> NDArray[np.uint8]:
    """`count` pictures spread over a split, filled up from another one (and with mirror images)."""
    chosen = np.unique(np.linspace(0, len(pictures) - 1, min(count, len(pictures))).round().astype(int))
    found = [pictures.plain(int(i)) for i in chosen]
    found += [more.plain(i) for i in range(min(count - len(found), len(more)))]
    found += [picture[:, ::-1] for picture in found[: count - len(found)]]  # mirrored, where a set is that small
    return np.stack(found)
