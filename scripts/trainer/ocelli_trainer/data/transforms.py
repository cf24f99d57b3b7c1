"""Train and eval transforms side by side.

The eval transform is exactly what the runtime's `preprocess` stage does: torchvision's Resize and CenterCrop
geometry on PIL's antialiased filters, then (pixel * rescale - mean) / std. Pictures stay 8 bit and HWC until
the very last step, so that a data set can be cached at model size in a quarter of the memory.

All randomness of the train transform comes from the generator passed in, seeded by (seed, epoch, picture): a run
sees the same pictures whatever the number of worker processes, and a resumed run goes on as an unbroken one.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance

from ocelli_trainer.config import AugmentConfig
from ocelli_trainer.manifest import Preprocess, Size

ERASED_AREA = (0.02, 0.2)  # share of the picture (torchvision RandomErasing's scale, its upper end tamed)
ERASED_ASPECT = (0.3, 3.3)
FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "box": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "hamming": Image.Resampling.HAMMING,
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


def model_size(preprocess: Preprocess) -> Size:
    return preprocess.crop or Size(preprocess.resize["width"], preprocess.resize["height"])


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


def from_pixels(array: NDArray[np.uint8]) -> Image.Image:
    return Image.fromarray(array[..., 0] if array.shape[2] == 1 else array)


def normalise(batch: NDArray[np.uint8], preprocess: Preprocess) -> NDArray[np.float32]:
    """NHWC 0..255 => NCHW float32, (pixel * rescale - mean) / std."""
    mean, std = np.array(preprocess.mean, np.float32), np.array(preprocess.std, np.float32)
    values = (batch * np.float32(preprocess.rescale) - mean) / std
    return np.ascontiguousarray(values.transpose(0, 3, 1, 2))  # NHWC => NCHW


def eval_transform(picture: Image.Image, preprocess: Preprocess) -> NDArray[np.uint8]:
    """A decoded picture => HWC 8 bit at model size; `normalise` does the rest."""
    return pixels(geometry(picture, preprocess))


def train_transform(
    picture: Image.Image, preprocess: Preprocess, config: AugmentConfig, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """The same with augmentation: a random crop takes the place of the eval geometry, the rest follows it."""
    if config.crop < 1:
        box = random_crop_box(rng, *picture.size, config.crop)
        size = model_size(preprocess)
        picture = picture.resize((size.width, size.height), FILTERS[preprocess.filter], box=box)
    else:
        picture = geometry(picture, preprocess)
    return pixels(augment(picture, config, rng))


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


def augment(picture: Image.Image, config: AugmentConfig, rng: np.random.Generator) -> Image.Image:
    """A picture at model size, flipped, turned, shifted, recoloured and partly erased as asked (each opt-in)."""
    if rng.random() < config.hflip:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if rng.random() < config.vflip:
        picture = picture.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    if config.rotation or config.shift:
        picture = _turn_and_shift(picture, config, rng)
    if config.jitter:
        picture = _recolour(picture, config.jitter, rng)
    if rng.random() < config.erase:
        picture = _erase(picture, rng)
    return picture


def _turn_and_shift(picture: Image.Image, config: AugmentConfig, rng: np.random.Generator) -> Image.Image:
    """Corners that come into view take the mean colour: black ones would be a feature to learn."""
    angle = rng.uniform(-config.rotation, config.rotation)
    shift = rng.uniform(-config.shift, config.shift, 2) * picture.size
    mean = np.asarray(picture).reshape(-1, len(picture.getbands())).mean(0).round().astype(int)
    fill = tuple(int(v) for v in mean) if len(mean) > 1 else int(mean[0])
    return picture.rotate(
        angle, Image.Resampling.BILINEAR, translate=(round(shift[0]), round(shift[1])), fillcolor=fill
    )


def _recolour(picture: Image.Image, strength: float, rng: np.random.Generator) -> Image.Image:
    kinds = [ImageEnhance.Brightness, ImageEnhance.Contrast]
    if picture.mode == "RGB":
        kinds.append(ImageEnhance.Color)
    for kind in kinds:
        picture = kind(picture).enhance(max(0.0, rng.uniform(1 - strength, 1 + strength)))
    return picture


def _erase(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """One rectangle becomes noise."""
    values = np.array(picture)
    height, width = values.shape[:2]
    area = height * width * rng.uniform(*ERASED_AREA)
    aspect = math.exp(rng.uniform(math.log(ERASED_ASPECT[0]), math.log(ERASED_ASPECT[1])))
    h, w = min(height, round(math.sqrt(area * aspect))), min(width, round(math.sqrt(area / aspect)))
    y, x = int(rng.integers(0, height - h + 1)), int(rng.integers(0, width - w + 1))
    values[y : y + h, x : x + w] = rng.integers(0, 256, values[y : y + h, x : x + w].shape)
    return Image.fromarray(values)


def mixup(rng: np.random.Generator, alpha: float, count: int) -> tuple[float, NDArray[np.int64]]:
    """Zhang et al. 2018: the share of each picture in its mixture, and with which other picture it is mixed."""
    return float(rng.beta(alpha, alpha)), rng.permutation(count)
