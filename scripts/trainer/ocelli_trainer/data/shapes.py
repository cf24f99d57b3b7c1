"""Draws the `shapes` data set: light figures on darker textured backgrounds, at any picture size.

Every length is a share of the short side, so a picture drawn at 640x480 looks like one drawn at 32x32
and both mean the same to the model once the eval transform has brought them to its input size.
Polarity is fixed (figure lighter than background): with random polarity training sits on a long plateau.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

CLASSES = ("circle", "square", "star", "triangle")
# Native sizes (width, height) and how often each is drawn: small ones dominate to keep the set light on disk.
SIZES = ((32, 32), (48, 48), (64, 48), (96, 96), (128, 96), (160, 120), (224, 224), (320, 240))
SIZE_SHARES = (0.24, 0.16, 0.16, 0.12, 0.12, 0.10, 0.05, 0.05)
LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601
MIN_CONTRAST = 50.0  # luma steps of 255 between the figure and the mean background
STAR_INNER = 0.42  # inner radius of the star as a share of the outer one
SUPERSAMPLE = 3  # mask pixels per picture pixel and axis: smooth edges


@dataclass(frozen=True)
class Figure:
    """Where a figure stands: centre and circumradius in pixels, rotation in radians."""

    x: float
    y: float
    radius: float
    rotation: float


def draw(rng: np.random.Generator, kind: str, width: int, height: int) -> Image.Image:
    """One picture of `kind`; everything random comes from `rng`."""
    side = min(width, height)
    canvas = background(rng, width, height)
    colour = lighter_colour(rng, canvas.mean((0, 1)))
    figure = _place(rng, width, height, side)
    mask = Image.new("L", (width * SUPERSAMPLE, height * SUPERSAMPLE))
    fill(ImageDraw.Draw(mask), kind, figure)
    canvas = blend(canvas, mask, colour)
    for _ in range(int(rng.integers(0, 4))):
        canvas = distractor_line(rng, canvas, side)
    canvas = canvas + rng.normal(0, rng.uniform(2, 14), canvas.shape).astype(np.float32)
    return Image.fromarray(np.clip(canvas, 0, 255).astype(np.uint8))


def background(rng: np.random.Generator, width: int, height: int) -> NDArray[np.float32]:
    """HWC float picture: colour a mixed with colour b by 15 to 60 % of a gradient, stripes or blotches."""
    a, b = rng.integers(0, 150, (2, 3)).astype(np.float32)
    side = min(width, height)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32) / side
    angle = rng.uniform(0, 2 * math.pi)
    along = math.cos(angle) * x + math.sin(angle) * y
    texture = int(rng.integers(3))
    if texture == 0:
        t = (along - along.min()) / (np.ptp(along) + 1e-6)
    elif texture == 1:
        t = 0.5 + 0.5 * np.sin(2 * math.pi * rng.uniform(2, 9) * along)
    else:
        cells = int(rng.integers(3, 8))
        coarse = Image.fromarray((rng.random((cells, cells)) * 255).astype(np.uint8))
        t = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC), np.float32) / 255
    mix = np.float32(rng.uniform(0.15, 0.6))
    return np.asarray(a + (b - a) * (t[..., None] * mix), np.float32)


def lighter_colour(rng: np.random.Generator, background: NDArray[np.float32]) -> NDArray[np.float32]:
    while True:
        colour = rng.integers(0, 256, 3).astype(np.float32)
        if float((colour - background) @ LUMA) > MIN_CONTRAST:
            return colour


def _place(rng: np.random.Generator, width: int, height: int, side: int) -> Figure:
    """Inside the centre square, since the eval transform crops to it; up to a tenth of the radius may leave it."""
    radius = rng.uniform(0.22, 0.42) * side
    x, y = rng.uniform(radius * 0.9, side - radius * 0.9, 2)
    return Figure(x + (width - side) / 2, y + (height - side) / 2, radius, rng.uniform(0, 2 * math.pi))


def fill(pen: ImageDraw.ImageDraw, kind: str, figure: Figure) -> None:
    x, y, r = (v * SUPERSAMPLE for v in (figure.x, figure.y, figure.radius))
    if kind == "circle":
        pen.ellipse((x - r, y - r, x + r, y + r), fill=255)
        return
    corners = {"triangle": 3, "square": 4, "star": 10}[kind]
    outline = []
    for i in range(corners):
        reach = r * (STAR_INNER if kind == "star" and i % 2 else 1.0)
        angle = figure.rotation + 2 * math.pi * i / corners
        outline.append((x + reach * math.cos(angle), y + reach * math.sin(angle)))
    pen.polygon(outline, fill=255)


def distractor_line(rng: np.random.Generator, canvas: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """A thin straight line of any colour, a forty-eighth of the short side wide."""
    height, width = canvas.shape[:2]
    ends = rng.uniform(0, 1, 4) * (width, height, width, height) * SUPERSAMPLE
    mask = Image.new("L", (width * SUPERSAMPLE, height * SUPERSAMPLE))
    ImageDraw.Draw(mask).line(tuple(ends), fill=255, width=max(1, side * SUPERSAMPLE // 48))
    return blend(canvas, mask, rng.integers(0, 256, 3).astype(np.float32))


def blend(canvas: NDArray[np.float32], mask: Image.Image, colour: NDArray[np.float32]) -> NDArray[np.float32]:
    cover = np.asarray(mask.reduce(SUPERSAMPLE), np.float32)[..., None] / 255
    return (canvas + (colour - canvas) * cover).astype(np.float32)
