"""What int8 or float16 cost and brought, and the gate that refuses a bad bargain."""

from typing import Any

import onnx

from ocelli_trainer.errors import FindingError, say, warn
from ocelli_trainer.fit import metrics
from ocelli_trainer.fit.evaluation import Scores
from ocelli_trainer.fit.label_evaluation import LabelEvaluation
from ocelli_trainer.manifest import significant
from ocelli_trainer.measured import Metrics

MAX_DROP, MIN_AGREEMENT = 0.01, 0.97
SHOWN = 40  # classes in the printed table


def make_receipt(
    precision: str,
    labels: tuple[str, ...],
    reference: Scores,
    test: Scores,
    temperature: float,
    base: onnx.ModelProto,
    model: onnx.ModelProto,
) -> dict[str, Any]:
    """Against PyTorch's float32 `reference` on the test split; sizes are of the graphs without their manifest."""
    before, after = (metrics.measure(s.logits, s.truth, labels, temperature) for s in (reference, test))
    agreement = float((reference.logits.argmax(1) == test.logits.argmax(1)).mean())
    return _receipt(precision, before, after, agreement, base, model)


def make_label_receipt(
    precision: str,
    reference: tuple[LabelEvaluation, Scores],
    found: tuple[LabelEvaluation, Scores],
    base: onnx.ModelProto,
    model: onnx.ModelProto,
) -> dict[str, Any]:
    """The same of independent labels, each graph with its own thresholds: every yes and no counts in the agreement."""
    (before, _), (after, _) = reference, found
    answers = [evaluation.answers(test.logits) for evaluation, test in (reference, found)]
    receipt = _receipt(precision, before.metrics, after.metrics, float((answers[0] == answers[1]).mean()), base, model)
    return receipt | {"macro_f1_before": before.metrics.macro_f1, "macro_f1_after": after.metrics.macro_f1}


def _receipt(
    precision: str, before: Metrics, after: Metrics, agreement: float, base: onnx.ModelProto, model: onnx.ModelProto
) -> dict[str, Any]:
    return {
        "precision": precision,
        "accuracy_before": before.accuracy,
        "accuracy_after": after.accuracy,
        "agreement": significant(agreement),
        "bytes_before": len(base.SerializeToString()),
        "bytes_after": len(model.SerializeToString()),
        "f1": [
            {"label": b.label, "before": b.f1, "after": a.f1}
            for b, a in zip(before.per_class, after.per_class, strict=True)
        ],
    }


def check_gate(receipt: dict[str, Any], force: bool) -> None:
    """Print the receipt; refuse when it falls by more than a point of what is measured or too many answers change."""
    key, measure = ("macro_f1", "macro F1") if "macro_f1_after" in receipt else ("accuracy", "accuracy")
    before, after = receipt[f"{key}_before"], receipt[f"{key}_after"]
    drop = before - after
    rows = "\n".join(f"  {r['label']:<20} F1 {r['before']:.4f} => {r['after']:.4f}" for r in receipt["f1"][:SHOWN])
    say(
        f"{receipt['precision']}: {measure} {before:.4f} => {after:.4f},"
        f" agreement {receipt['agreement']:.4f}, {receipt['bytes_before']} => {receipt['bytes_after']} bytes\n{rows}"
    )
    if drop <= MAX_DROP + 1e-9 and receipt["agreement"] >= MIN_AGREEMENT:
        return
    text = (
        f"{receipt['precision']} refused: {measure} falls by {100 * drop:.2f} points (at most {100 * MAX_DROP:g}),"
        f" agreement {receipt['agreement']:.4f} (at least {MIN_AGREEMENT})"
    )
    if not force:
        raise FindingError(text, "use float32, train longer, or add --force")
    warn(f"{text}; written all the same, as asked by --force")
