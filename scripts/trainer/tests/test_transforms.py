"""Eval transforms hold to torchvision's geometry and to the golden tensors; train transforms are opt-in."""

import numpy as np
import pytest
from PIL import Image

from ocelli_trainer.config import PRESETS, AugmentConfig, ModelConfig
from ocelli_trainer.data import preprocessing as preprocess
from ocelli_trainer.data import transforms
from ocelli_trainer.manifest import Preprocess, Size


def gradient(width: int, height: int) -> Image.Image:
    """Red counts columns, green rows, blue neither: every exchange of axes or channels shows."""
    y, x = np.mgrid[0:height, 0:width]
    return Image.fromarray(np.stack([x, y, np.full_like(x, 200)], 2).astype(np.uint8))


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((640, 480), (42, 32)),
        ((480, 640), (32, 42)),
        ((32, 32), (32, 32)),
        ((1000, 3), (10666, 32)),
        ((1, 1), (32, 32)),
    ],
)
def test_shortest_resize_truncates_the_long_side(size: tuple[int, int], expected: tuple[int, int]) -> None:
    assert transforms.resized_size(*size, {"mode": "shortest", "size": 32}) == expected


@pytest.mark.parametrize(("width", "left"), [(5, 2), (7, 2), (9, 4), (8, 3)])
def test_crop_offsets_round_half_to_even(width: int, left: int) -> None:
    cropped = transforms.center_crop(gradient(width, 2), Size(2, 2))
    assert np.asarray(cropped)[0, 0, 0] == left


def test_a_crop_beyond_the_picture_is_black() -> None:
    cropped = np.asarray(transforms.center_crop(gradient(2, 4), Size(4, 4)))
    assert cropped[:, 0].max() == 0 and cropped[:, 3].max() == 0 and cropped[0, 1, 2] == 200


def test_letterbox_centres_the_picture_and_fills_the_rest() -> None:
    resize = {"mode": "letterbox", "width": 8, "height": 8, "fill": [114, 114, 114]}
    chain = Preprocess(resize, "bilinear", True, None, 1 / 255, [0.0] * 3, [1.0] * 3)
    out = transforms.eval_transform(Image.new("RGB", (8, 4), (10, 20, 30)), chain)
    assert out.shape == (8, 8, 3)
    assert out[:2].reshape(-1).tolist() == [114] * 48
    assert out[2].reshape(-1).tolist() == [10, 20, 30] * 8
    assert out[6:].reshape(-1).tolist() == [114] * 48


def test_normalise_puts_channels_first_and_128_to_zero() -> None:
    chain = preprocess.from_config(ModelConfig(size="8"))
    batch = np.zeros((1, 2, 3, 3), np.uint8)
    batch[0, 1, 2] = (128, 255, 0)
    tensor = transforms.normalise(batch, chain)
    assert tensor.shape == (1, 3, 2, 3) and tensor.dtype == np.float32
    assert tensor[0, :, 1, 2] == pytest.approx([0, 127 / 127.5, -128 / 127.5], abs=1e-6)
    assert tensor[0, 0, 0, 0] == pytest.approx(-128 / 127.5, abs=1e-6)


def test_each_fit_gives_its_manifest_geometry() -> None:
    crop = preprocess.from_config(ModelConfig(size="32", resize=40))
    assert crop.resize == {"mode": "shortest", "size": 40} and crop.crop == Size(32, 32)
    squash = preprocess.from_config(ModelConfig(size="32x24", fit="squash"))
    assert squash.resize == {"mode": "exact", "width": 32, "height": 24} and squash.crop is None
    for chain, size in ((crop, (32, 32)), (squash, (24, 32))):
        assert transforms.eval_transform(gradient(50, 37), chain).shape == (*size, 3)


def test_without_a_flag_nothing_is_augmented() -> None:
    original = gradient(16, 12)
    augmented = transforms.augment(original, AugmentConfig(), np.random.default_rng(0))
    assert np.array_equal(np.asarray(augmented), np.asarray(original))


def test_flips_mirror_exactly() -> None:
    original = np.asarray(gradient(16, 12))
    for config, expected in ((AugmentConfig(hflip=1), original[:, ::-1]), (AugmentConfig(vflip=1), original[::-1])):
        out = transforms.augment(gradient(16, 12), config, np.random.default_rng(0))
        assert np.array_equal(np.asarray(out), expected)


def test_erasing_changes_at_most_a_fifth() -> None:
    blank = Image.new("RGB", (40, 40))
    for seed in range(20):
        out = np.asarray(transforms.augment(blank, AugmentConfig(erase=1), np.random.default_rng(seed)))
        share = (out.max(2) > 0).mean()
        assert 0 < share <= 0.22


def test_presets_never_flip_digits() -> None:
    assert "hflip" not in PRESETS["digits"] and "vflip" not in PRESETS["digits"]


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_augmentation_depends_on_its_seed_alone(preset: str) -> None:
    chain, config = preprocess.from_config(ModelConfig(size="16")), AugmentConfig(**PRESETS[preset])
    first, again, other = (
        transforms.train_transform(gradient(30, 24), chain, config, np.random.default_rng([0, 1, seed]))
        for seed in (7, 7, 8)
    )
    assert first.shape == (16, 16, 3)
    assert np.array_equal(first, again)
    assert np.array_equal(first, other) == (preset == "none")


def test_random_crops_stay_inside_the_picture() -> None:
    rng = np.random.default_rng(0)
    for width, height in ((1, 1), (300, 2), (64, 48)):
        for _ in range(50):
            left, top, right, bottom = transforms.random_crop_box(rng, width, height, 0.3)
            assert 0 <= left < right <= width and 0 <= top < bottom <= height
