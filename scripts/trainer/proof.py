"""Chooses the few pictures whose probabilities travel inside the model, so that a device can replay them.

Saturated scores prove little: 1.000 stays 1.000 under a wrong filter. So, beside one picture of every class,
the hardest pictures are taken, and two probes: red from one picture, blue from another of a different class.
Exchanging colours in a probe changes the answer even where the data set is grey.
"""

import base64
import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trainer.data import Dataset, Sample, open_picture
from trainer.manifest import Size

LARGEST = 16  # cases
HARDEST, PROBES = 4, 2  # cases at the least
LARGEST_PNG = 8192  # bytes; above, a case is a JPEG, to keep the proof a small part of the file
OVERSIZE = 1.5  # case's short side over the model's: the resize is proven too


def choose(probabilities: NDArray[np.float64], truth: NDArray[np.integer], count: int) -> list[int]:
    """Indices of `count` pictures: a typical one of each class first, then the hardest (least top-two margin)."""
    margins = np.diff(np.sort(probabilities, axis=1)[:, -2:], axis=1)[:, 0]
    order = [int(i) for i in np.argsort(margins, kind="stable")]
    typical = []
    for label in np.unique(truth)[: count - HARDEST]:
        mine = [i for i in order if truth[i] == label]
        typical.append(mine[len(mine) // 2])
    return typical + [i for i in order if i not in typical][: count - len(typical)]


def case_count(wanted: int, classes: int) -> int:
    """Real pictures: as many as asked, or more so that every class fits in, probes not counted."""
    return min(LARGEST, max(wanted, classes + HARDEST + PROBES)) - PROBES


def cases(dataset: Dataset, chosen: Sequence[Sample], color: str, size: Size) -> list[tuple[str, bytes]]:
    """(name, encoded picture) of the chosen pictures and, for colour models, of the probes."""
    small = [shrink(open_picture(s.path, color), max(size.width, size.height)) for s in chosen]
    named = [(dataset.case_name(s), p) for s, p in zip(chosen, small, strict=True)]
    if color != "GRAY":
        named += _probes(chosen, small)
    return [(name, encode(picture)) for name, picture in named]


def _probes(chosen: Sequence[Sample], pictures: Sequence[Image.Image]) -> list[tuple[str, Image.Image]]:
    probes = []
    for i in range(PROBES):
        first = i % len(chosen)
        second = next((j for j in range(first + 1, len(chosen)) if chosen[j].label != chosen[first].label), 0)
        red = pictures[first]
        blue = pictures[second].resize(red.size)
        green = Image.blend(red, blue, 0.5)
        probe = Image.merge("RGB", (red.getchannel(0), green.getchannel(1), blue.getchannel(2)))
        probes.append((f"probe/{i + 1}", probe))
    return probes


def shrink(picture: Image.Image, side: int) -> Image.Image:
    factor = side * OVERSIZE / min(picture.size)
    if factor >= 1:
        return picture
    width, height = (max(1, round(v * factor)) for v in picture.size)
    return picture.resize((width, height), Image.Resampling.BILINEAR)


def encode(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True)
    if len(buffer.getvalue()) > LARGEST_PNG:
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def decode(data: bytes, color: str) -> Image.Image:
    with Image.open(io.BytesIO(data)) as picture:
        return picture.convert("L" if color == "GRAY" else "RGB")


def as_text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
