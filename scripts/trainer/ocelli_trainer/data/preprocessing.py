"""From the options a person gives to the manifest's preprocess section."""

from ocelli_trainer.config import ModelConfig, input_size
from ocelli_trainer.errors import TrainerError
from ocelli_trainer.manifest import Preprocess, Size

# "half" has a whole zero point, 128: as a uint8 prologue it is one DequantizeLinear that int8 kernels absorb.
HALF = (128 / 255, 0.5)
IMAGENET_MEAN, IMAGENET_STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
GREY_FILL = 114  # Ultralytics' letterbox colour


def from_config(config: ModelConfig) -> Preprocess:
    width, height = input_size(config.size)
    channels = 1 if config.color == "GRAY" else 3
    crop = None
    if config.fit == "squash":
        resize = {"mode": "exact", "width": width, "height": height}
    elif config.fit == "letterbox":
        resize = {"mode": "letterbox", "width": width, "height": height, "fill": [GREY_FILL] * 3}
    else:
        short = config.resize or max(width, height)
        if short < max(width, height):
            raise TrainerError(
                f"--resize {short} is less than the input of {width}x{height}", "raise it or leave it out"
            )
        resize, crop = {"mode": "shortest", "size": short}, Size(width, height)
    if config.normalise == "imagenet":
        if channels == 1:
            raise TrainerError("--normalise imagenet needs three channels", "use --color RGB or --normalise half")
        mean, std = IMAGENET_MEAN, IMAGENET_STD
    else:
        mean, std = [HALF[0]] * channels, [HALF[1]] * channels
    return Preprocess(resize, config.filter, True, crop, 1 / 255, list(mean), list(std))
