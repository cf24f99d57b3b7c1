"""Short trainings on the set of the fixture `place`, as they are typed."""

from pathlib import Path

from ocelli_trainer import cli

LABELS = ("left", "mid 'x'", "r🍎<b>")
FAST = ["--size", "16", "--epochs", "4", "--batch", "16", "--warmup", "1", "--lr", "0.01"]


def train(place: Path, name: str, *flags: str, base: tuple[str, ...] = ()) -> int:
    """Trains on the set, or on what `base` says instead; the exit code."""
    data = base or (str(place / "set"), *FAST)
    files = ("-o", str(place / f"{name}.onnx"), "--run-dir", str(place / name), "--name", "toy")
    return cli.main(["train", *data, *files, *flags])
