"""Frames as cameras send them, out of photographs."""

import pathlib

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
