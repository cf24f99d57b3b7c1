"""Frames as cameras send them, out of photographs or out of nothing."""

import json
import pathlib

import numpy as np
from PIL import Image, ImageOps


def camera_frames(photos: list[str], folder: pathlib.Path) -> list[str]:
    """1280x720 JPEGs, 4:2:2, quality 80."""
    paths = []
    for index, photo in enumerate(photos):
        image = ImageOps.fit(ImageOps.exif_transpose(Image.open(photo)).convert("RGB"), (1280, 720))
        path = folder / f"{index}.jpg"
        image.save(path, quality=80, subsampling=1)
        paths.append(str(path))
    return paths


def record(folder: pathlib.Path, jpegs: list[str], fps: float, seconds: float) -> None:
    """What `--record` would leave of a camera, without the wait."""
    folder.mkdir()
    with open(folder / "frames.jsonl", "w") as entries:
        for number in range(int(seconds * fps)):
            name = f"{number:08}.jpg"
            (folder / name).write_bytes(pathlib.Path(jpegs[number % len(jpegs)]).read_bytes())
            at = round(number / fps * 1e6)
            entries.write(json.dumps({"file": name, "at_us": at, "time_us": at, "source": "camera:0"}) + "\n")


def photograph(width: int, height: int) -> Image.Image:
    """A smooth picture with some noise."""
    noise = np.random.default_rng(1)
    coarse = Image.fromarray(noise.integers(0, 256, (18, 32, 3), np.uint8))
    fine = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC), np.int16)
    pixels = np.clip(fine + noise.integers(-12, 13, fine.shape), 0, 255).astype(np.uint8)
    return Image.fromarray(pixels)
