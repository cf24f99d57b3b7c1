"""Train and eval transforms side by side.

The eval transform is exactly what the runtime's `preprocess` stage does: torchvision's Resize and CenterCrop
geometry on PIL's antialiased filters, then (pixel * rescale - mean) / std. Pictures stay 8 bit and HWC until
the very last step, so that a data set can be cached at model size in a quarter of the memory.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trainer.manifest import Preprocess, Size

FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "box": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


def resized_size(width: int, height: int, resize: dict[str, Any]) -> tuple[int, int]:
    """Where `resize` takes a picture; "shortest" truncates the long side as torchvision's Resize(size) does."""
    if resize["mode"] == "exact":
        return resize["width"], resize["height"]
    if resize["mode"] == "letterbox":
        ratio = min(resize["width"] / width, resize["height"] / height)
        return max(1, round(width * ratio)), max(1, round(height * ratio))
    size = resize["size"]
    if width <= height:
        return size, max(1, int(size * height / width))
    return max(1, int(size * width / height)), size


def geometry(picture: Image.Image, preprocess: Preprocess) -> Image.Image:
    """Resize, pad and crop: the picture at the model's input size."""
    resize = preprocess.resize
    picture = picture.resize(resized_size(*picture.size, resize), FILTERS[preprocess.filter])
    if resize["mode"] == "letterbox":
        picture = _pad(picture, resize["width"], resize["height"], tuple(resize["fill"]))
    return picture if preprocess.crop is None else center_crop(picture, preprocess.crop)


def _pad(picture: Image.Image, width: int, height: int, fill: tuple[int, ...]) -> Image.Image:
    """Centred on a canvas; an odd pixel goes to the right and below, as Ultralytics' LetterBox does."""
    canvas = Image.new(picture.mode, (width, height), fill if picture.mode == "RGB" else fill[0])
    canvas.paste(picture, (round((width - picture.width) / 2 - 0.1), round((height - picture.height) / 2 - 0.1)))
    return canvas


def center_crop(picture: Image.Image, crop: Size) -> Image.Image:
    """torchvision's CenterCrop: offsets round half to even; what lies outside the picture is black."""
    left, top = round((picture.width - crop.width) / 2), round((picture.height - crop.height) / 2)
    return picture.crop((left, top, left + crop.width, top + crop.height))


def pixels(picture: Image.Image) -> NDArray[np.uint8]:
    """HWC, 0..255, three channels RGB or one channel grey."""
    array = np.asarray(picture)
    return array[..., None] if array.ndim == 2 else array


def normalise(batch: NDArray[np.uint8], preprocess: Preprocess) -> NDArray[np.float32]:
    """NHWC 0..255 => NCHW float32, (pixel * rescale - mean) / std."""
    values = (batch * np.float32(preprocess.rescale) - np.float32(preprocess.mean)) / np.float32(preprocess.std)
    return np.ascontiguousarray(values.astype(np.float32).transpose(0, 3, 1, 2))  # NHWC => NCHW


def evaluate(picture: Image.Image, preprocess: Preprocess) -> NDArray[np.uint8]:
    """The eval transform up to the 8-bit picture at model size; `normalise` does the rest."""
    return pixels(geometry(picture, preprocess))


def random_crop_box(
    rng: np.random.Generator, width: int, height: int, min_area: float
) -> tuple[float, float, float, float]:
    """A box of `min_area` to 1 of the picture's area and 3:4 to 4:3 in shape (torchvision RandomResizedCrop)."""
    for _ in range(10):
        area = width * height * rng.uniform(min_area, 1)
        aspect = math.exp(rng.uniform(math.log(3 / 4), math.log(4 / 3)))
        w, h = math.sqrt(area * aspect), math.sqrt(area / aspect)
        if w <= width and h <= height:
            x, y = rng.uniform(0, width - w), rng.uniform(0, height - h)
            return x, y, x + w, y + h
    side = min(width, height)
    x, y = (width - side) / 2, (height - side) / 2
    return x, y, x + side, y + side
