"""models/README.md: a card for every bundled model, written from what its own manifest says."""

from pathlib import Path

from ocelli_trainer.deliver import onnx_graph
from ocelli_trainer.files import write_whole
from ocelli_trainer.manifest import Manifest, Rejection

ORIGIN = {
    "shapes": (
        "Light circles, squares, stars and triangles on darker textured backgrounds. The pictures are ours, drawn by "
        "`ocelli-train demo-data shapes` at eight sizes from 32x32 to 320x240.",
        "A toy to try the runtime with. Figures darker than their background, or several in one picture, are outside "
        "of what it has seen.",
    ),
    "digits": (
        "Handwritten digits 0 to 9: the test part of the UCI set *Optical Recognition of Handwritten Digits* "
        "(Alpaydin and Kaynak, 1998; CC BY 4.0) as bundled with scikit-learn, 8x8 pixels in 17 grey levels, "
        "enlarged to 32x32 by `ocelli-train demo-data digits`.",
        "White on black, one digit filling the picture. It does not read photographed numbers.",
    ),
}
HEAD = """# Bundled models

Rebuilt from nothing, byte for byte, by `ocelli-train bundle` (2 CPU cores, a few minutes); `bundle --check`
compares. Each file describes itself: `ocelli inspect models/shapes.onnx`. Licence of the files: MIT OR Apache-2.0.
`samples/` holds two pictures of every shape that no model was trained on.
"""


def write(folder: Path) -> None:
    files = sorted(folder.glob("*.onnx"), key=lambda p: p.name.replace(".onnx", ""))
    write_whole(folder / "README.md", (HEAD + "".join(card(p) for p in files)).encode())


def card(path: Path) -> str:
    manifest = onnx_graph.read_manifest(path)
    training, rejection, proof = manifest.training, manifest.rejection, manifest.proof
    assert training is not None and rejection is not None and proof is not None
    origin, limits = ORIGIN[manifest.name]
    facts, metrics = training.dataset, training.metrics
    rows = "".join(
        f"| {c.label} | {c.precision:.4f} | {c.recall:.4f} | {c.f1:.4f} | {c.support} |\n" for c in metrics.per_class
    )
    return f"""
## {path.name}

{origin}

- Network: `{training.architecture}`, {_input(manifest)}; {_size(path)}, {_precision(training.receipt)}.
- Data: {facts.train} train, {facts.validation} validation, {facts.test} test pictures; seed {training.seed}.
- Test: accuracy {100 * metrics.accuracy:.2f} %, macro F1 {metrics.macro_f1:.4f}, calibration error {metrics.ece:.4f}.
- {_rejecting(rejection)} it says `unknown`: {100 * rejection.coverage:.1f} % of the test pictures
  are kept, {100 * rejection.accuracy:.2f} % of them right.
- Proof: {len(proof.cases)} pictures, tolerance {proof.tolerance:g}.
- Limits: {limits}

| class | precision | recall | F1 | test pictures |
|---|---|---|---|---|
{rows}"""


def _input(manifest: Manifest) -> str:
    i = manifest.input
    return f"{i.width}x{i.height} {i.color}, {i.dtype} {i.layout}"


def _rejecting(rejection: Rejection) -> str:
    below = f"Below a score of {rejection.threshold:g}"
    return below if rejection.distance is None else f"{below}, or beyond a distance of {rejection.distance:g},"


def _size(path: Path) -> str:
    return f"{path.stat().st_size / 1000:.0f} kB"


def _precision(receipt: dict[str, object] | None) -> str:
    if receipt is None:
        return "float32"
    return f"{receipt['precision']} (test accuracy {receipt['accuracy_before']} => {receipt['accuracy_after']})"
