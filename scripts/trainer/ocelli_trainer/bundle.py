"""Rebuilds the bundled models, their model cards and the sample pictures from nothing.

With the versions pinned in requirements.txt, on one kind of processor, the files come out the same byte for
byte: data and training are seeded, one thread sums in one order, nothing of this machine enters a file.
"""

import tempfile
from pathlib import Path

import numpy as np

from ocelli_trainer import config as configs
from ocelli_trainer.data import demo as demo_data
from ocelli_trainer.data import shapes
from ocelli_trainer.errors import FindingError, say
from ocelli_trainer.report import model_cards
from ocelli_trainer.run import Run, RunOptions

NAMES = ("digits", "shapes")
RECIPES = Path(__file__).parent / "recipes"
SAMPLES_PER_CLASS, SAMPLE_BYTES, SAMPLE_SIZE = 2, 9000, (320, 240)
SAMPLE_SEED = 2026  # apart from the data set's own, so that no sample was trained on


def build(folder: Path, check: bool) -> None:
    """Write everything into `folder`, or with `check` compare it with what stands there."""
    from ocelli_trainer.train import train

    with tempfile.TemporaryDirectory() as scratch:
        target = Path(scratch) / "models" if check else folder
        for name in NAMES:
            data = Path(scratch) / "data" / name
            demo_data.write(name, data)
            recipe = configs.read(RECIPES / f"{name}.toml")
            config = configs.with_values(recipe, {"data": {"path": str(data)}}, "bundle")
            train(config, RunOptions(Run(Path(scratch) / "runs" / name), target / f"{name}.onnx"))
        draw_samples(target / "samples")
        model_cards.write(target)
        if check:
            compare(folder, target)


def draw_samples(folder: Path) -> None:
    """A few pictures of every class, light enough to be kept in the repository."""
    folder.mkdir(parents=True, exist_ok=True)
    for class_index, kind in enumerate(shapes.CLASSES):
        written = seed = 0
        while written < SAMPLES_PER_CLASS:
            path = folder / f"{kind}-{written + 1}.jpg"
            rng = np.random.default_rng([SAMPLE_SEED, class_index, seed])
            shapes.draw(rng, kind, *SAMPLE_SIZE).save(path, quality=85)
            written += path.stat().st_size < SAMPLE_BYTES
            seed += 1
        leftover = folder / f"{kind}-{SAMPLES_PER_CLASS + 1}.jpg"
        assert not leftover.exists()


def compare(standing: Path, fresh: Path) -> None:
    differing = [
        str(path.relative_to(fresh))
        for path in sorted(fresh.rglob("*"))
        if path.is_file() and _bytes(standing / path.relative_to(fresh)) != path.read_bytes()
    ]
    if differing:
        raise FindingError(
            f"{standing}: differs from a fresh build: {', '.join(differing)}",
            "run `ocelli-train bundle`, or compare the versions with requirements.txt",
        )
    say(f"{standing}: the same as a fresh build, byte for byte")


def _bytes(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None
