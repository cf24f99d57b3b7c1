"""Chooses the few pictures whose probabilities travel inside the model, so that a device can replay them.

Saturated scores prove little: 1.000 stays 1.000 under a wrong filter. So, beside one picture of every class,
hard pictures are taken, and two probes: red from one picture, blue from another of a different class.
Exchanging colours in a probe changes the answer even where the data set is grey, and so does another resize
filter where its pictures have the model's size already.
"""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ocelli_trainer.data.dataset import Dataset, Sample, open_picture
from ocelli_trainer.manifest import Size

LARGEST = 16  # cases
HARDEST, PROBES = 4, 2  # cases at the least
SPARE = 3  # candidates per case wanted, since some will not do
LEAST_MARGIN = 0.2  # between the first two scores: closer ones may change places by rounding alone
LARGEST_PNG = 8192  # bytes; above, a case is a JPEG, to keep the proof a small part of the file
PROBE_SIDE = 1.25  # probe's short side over the model's
OVERSIZE = 1.5  # case's short side over the model's: the resize is proven too

Probabilities = NDArray[np.float64]


@dataclass(frozen=True)
class Candidate:
    name: str
    data: bytes  # encoded picture
    probe: bool = False


def case_count(wanted: int, classes: int) -> int:
    """Cases in all: as many as asked, or more so that every class fits in."""
    return min(LARGEST, max(wanted, classes + HARDEST + PROBES))


def candidates(dataset: Dataset, indices: Sequence[int], color: str, size: Size) -> list[Candidate]:
    """These test pictures, made small; the probes come last."""
    samples = [dataset.splits["test"][i] for i in indices]
    pictures = [shrink(open_picture(s.path, color), max(size.width, size.height)) for s in samples]
    found = [Candidate(dataset.case_name(s), encode(p)) for s, p in zip(samples, pictures, strict=True)]
    return found + _probes(samples, pictures, size)


def preferred(probabilities: Probabilities, truth: NDArray[np.integer], typical: int, count: int) -> list[int]:
    """Indices of up to `count` pictures: a typical one of each class first, then the least sure ones."""
    margins = margin(probabilities)
    order = [int(i) for i in np.argsort(margins, kind="stable")]
    chosen = []
    for label in np.unique(truth)[: typical - HARDEST]:
        mine = [i for i in order if truth[i] == label]
        chosen.append(mine[len(mine) // 2])
    chosen += sorted((i for i in order if i not in chosen), key=lambda i: bool(margins[i] < LEAST_MARGIN))
    return chosen[:count]


def margin(probabilities: Probabilities) -> Probabilities:
    """Between the first and the second score; a single one has none beside it."""
    if probabilities.shape[1] == 1:
        return np.ones(len(probabilities))
    ranked = np.sort(probabilities, axis=1)
    return ranked[:, -1] - ranked[:, -2]


def _probes(samples: Sequence[Sample], pictures: Sequence[Image.Image], size: Size) -> list[Candidate]:
    """Red of one picture, blue of another of a different class, green half and half; wide, so that it is cropped."""
    shape = tuple(round(side * PROBE_SIDE * max(size.width, size.height)) for side in (4 / 3, 1))
    pairs = [
        (i, j) for i, a in enumerate(samples) for j, b in enumerate(samples[i + 1 :], i + 1) if a.labels != b.labels
    ]
    probes = []
    for number, (i, j) in enumerate(pairs[: PROBES * SPARE], 1):
        red, blue = (pictures[k].resize((shape[0], shape[1]), Image.Resampling.BICUBIC) for k in (i, j))
        probe = Image.blend(red, blue, 0.5)
        if probe.mode == "RGB":
            probe = Image.merge("RGB", (red.getchannel(0), probe.getchannel(1), blue.getchannel(2)))
        probes.append(Candidate(f"probe/{number}", encode(probe), probe=True))
    return probes


def select(
    offered: Sequence[Candidate], expected: Probabilities, found: Sequence[Probabilities], count: int
) -> list[int]:
    """Which candidates become cases: those whose first label stands firm, in PyTorch and in every graph's answer.

    Where no picture is sure enough (a hardly trained model) less sure ones do, as long as the labels agree.
    """
    label = expected.argmax(1)
    agreed = [i for i in range(len(offered)) if all(f[i].argmax() == label[i] for f in found)]
    margins = margin(expected)
    agreed.sort(key=lambda i: bool(margins[i] < LEAST_MARGIN))
    probes = [i for i in agreed if offered[i].probe][:PROBES]
    return [i for i in agreed if not offered[i].probe][: count - len(probes)] + probes


def one_step_off(pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A tenth of the values one step up or down: as far as another exact resize may be from PIL's."""
    rng = np.random.default_rng(0)
    steps = rng.choice(np.array([-1, 0, 1]), pictures.shape, p=[0.05, 0.9, 0.05])
    return np.asarray(np.clip(pictures + steps, 0, 255), np.uint8)


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
        return picture.convert("RGB").convert("L") if color == "GRAY" else picture.convert("RGB")


def as_text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
