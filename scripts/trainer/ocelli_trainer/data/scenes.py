"""Draws the `scenes` data set: none to three of the light figures of `shapes` in one picture, each of another kind.

Which kinds a picture has is decided for each by itself, and not alike: triangles are rare, as labels of the world are.
"""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from ocelli_trainer.data import shapes
from ocelli_trainer.data.shapes import CLASSES, SUPERSAMPLE, Figure

SHARES = {"circle": 0.45, "square": 0.35, "star": 0.3, "triangle": 0.18}  # of pictures that have the kind
MOST = 3  # figures that a picture has room for
RADII = (0.17, 0.24)  # circumradius as a share of the short side
SIZES = ((48, 48), (64, 48), (64, 64), (96, 72))  # width, height
TRIES = 200  # places tried until figures stand clear of one another


def kinds(rng: np.random.Generator) -> tuple[str, ...]:
    """The kinds of one picture, in the order of CLASSES."""
    while True:
        found = tuple(kind for kind in CLASSES if rng.random() < SHARES[kind])
        if len(found) <= MOST:
            return found


def draw(rng: np.random.Generator, kinds: Sequence[str], width: int, height: int) -> Image.Image:
    """One picture of these kinds; everything random comes from `rng`."""
    side = min(width, height)
    canvas = shapes.background(rng, width, height)
    ground = canvas.mean((0, 1))
    for kind, figure in zip(kinds, places(rng, len(kinds), width, height), strict=True):
        mask = Image.new("L", (width * SUPERSAMPLE, height * SUPERSAMPLE))
        shapes.fill(ImageDraw.Draw(mask), kind, figure)
        canvas = shapes.blend(canvas, mask, shapes.lighter_colour(rng, ground))
    for _ in range(int(rng.integers(1, 4))):  # without one, pictures of nothing would be near duplicates
        canvas = shapes.distractor_line(rng, canvas, side)
    canvas = canvas + rng.normal(0, rng.uniform(2, 10), canvas.shape).astype(np.float32)
    return Image.fromarray(np.clip(canvas, 0, 255).astype(np.uint8))


def places(rng: np.random.Generator, count: int, width: int, height: int) -> list[Figure]:
    """Inside the centre square, since the eval transform crops to it, and clear of one another."""
    side = min(width, height)
    while True:
        figures: list[Figure] = []
        for _ in range(TRIES):
            if len(figures) == count:
                return figures
            radius = rng.uniform(*RADII) * side
            x, y = rng.uniform(radius, side - radius, 2)
            figure = Figure(x + (width - side) / 2, y + (height - side) / 2, radius, rng.uniform(0, 2 * np.pi))
            if all(np.hypot(f.x - figure.x, f.y - figure.y) > f.radius + radius for f in figures):
                figures.append(figure)
