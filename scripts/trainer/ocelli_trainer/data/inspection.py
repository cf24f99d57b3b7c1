"""Opens one picture of a data set and notes what the lint compares, so that each file is read once."""

import hashlib
import io
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

THUMB = 16  # pixels of a thumbnail's side


@dataclass(frozen=True)
class Inspection:
    """What one picture showed when it was opened."""

    split: str
    label: str
    name: str  # relative to the data set's root
    digest: bytes
    size: tuple[int, int]
    mode: str
    hash: NDArray[np.uint8]  # 8 bytes
    thumb: NDArray[np.int16]  # THUMB x THUMB grey


def inspect(path: Path, split: str, label: str, name: str) -> Inspection | str:
    """The picture's facts, or why it cannot be read."""
    try:
        data = path.read_bytes()
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data)) as picture:
                picture.load()
                size, mode = picture.size, picture.mode
                grey = ImageOps.exif_transpose(picture).convert("L")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        return str(error).replace(repr(path), "").strip() or type(error).__name__
    row = np.asarray(grey.resize((9, 8), Image.Resampling.BILINEAR), np.int16)
    thumb = np.asarray(grey.resize((THUMB, THUMB), Image.Resampling.BILINEAR), np.int16)
    return Inspection(
        split, label, name, hashlib.sha256(data).digest(), size, mode, np.packbits(row[:, 1:] > row[:, :-1]), thumb
    )
