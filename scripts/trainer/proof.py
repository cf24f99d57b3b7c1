"""Chooses the few pictures whose probabilities travel inside the model, so that a device can replay them.

All classes are covered and the rest are the hardest pictures (smallest margin between the first two scores):
a saturated score of 1.000 would hide a wrong mean or a wrong resize filter, a close one shows it.
"""

import base64
import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trainer.data import Dataset, Sample, open_picture

MAX_BYTES = 4096  # of one encoded picture: the proof must stay a small part of a small model
FORMATS = {"PNG": {"optimize": True}}


def choose(probabilities: NDArray[np.float64], truth: NDArray[np.integer], count: int) -> list[int]:
    """Indices of `count` pictures: the median one of each class first, then the hardest of all."""
    margins = np.diff(np.sort(probabilities, axis=1)[:, -2:], axis=1)[:, 0]
    order = np.argsort(margins, kind="stable")
    chosen: list[int] = []
    for label in np.unique(truth)[:count]:
        mine = [int(i) for i in order if truth[i] == label]
        chosen.append(mine[len(mine) // 2])
    chosen += [int(i) for i in order if int(i) not in chosen][: max(0, count - len(chosen))]
    return chosen


def encode(samples: Sequence[Sample], color: str, side: int) -> list[bytes]:
    return [_small_png(open_picture(s.path, color), side) for s in samples]


def _small_png(picture: Image.Image, side: int) -> bytes:
    """A PNG under MAX_BYTES if possible: shrunk first to 1.5 times the model's short side, then further."""
    for share in (1.5, 1.25, 1.0, 0.75, 0.5):
        shrunk = picture
        if min(picture.size) > side * share:
            factor = side * share / min(picture.size)
            size = tuple(max(1, round(v * factor)) for v in picture.size)
            shrunk = picture.resize((size[0], size[1]), Image.Resampling.BILINEAR)
        buffer = io.BytesIO()
        shrunk.save(buffer, "PNG", optimize=True)
        if len(buffer.getvalue()) <= MAX_BYTES:
            break
    return buffer.getvalue()


def decode(data: bytes, color: str) -> Image.Image:
    with Image.open(io.BytesIO(data)) as picture:
        return picture.convert("L" if color == "GRAY" else "RGB")


def as_text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def names(dataset: Dataset, samples: Sequence[Sample]) -> list[str]:
    return [dataset.case_name(s) for s in samples]
