"""Every hyper-parameter, once: its default, its flag, its help and its place in the TOML file.

A run writes its configuration into its folder; `ocelli-train train --config runs/X/config.toml` repeats the run.
TOML has no null, so "off" is 0, "" or false, and the help says which.
"""

import dataclasses
import json
import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from ocelli_trainer.errors import TrainerError


def option(default: Any, text: str, *, choices: tuple[str, ...] = (), least: float | None = None) -> Any:
    """A field with its help, its allowed words or its least value."""
    return field(default=default, metadata={"help": text, "choices": choices, "least": least})


@dataclass(frozen=True)
class DataConfig:
    path: str = option(
        "", "folder of class folders, or of train/ val/ test/; CSV of several labels per picture; or public:NAME"
    )
    name: str = option("", "name of the data set and model (default: the output file's)")
    split: tuple[float, float, float] = option(
        (0.6, 0.2, 0.2), "shares of train, val, test where no folders split the data"
    )
    split_seed: int = option(0, "seed of that split, apart from the training seed", least=0)
    add: tuple[str, ...] = option((), "more folders (or CSV files) of labelled pictures, for train and val only")


@dataclass(frozen=True)
class ModelConfig:
    architecture: str = option("edgecnn", "simplecnn, edgecnn or a torchvision backbone")
    size: str = option("32", "input size in pixels: N or WIDTHxHEIGHT")
    fit: str = option("crop", "how a picture is brought to it", choices=("crop", "squash", "letterbox"))
    resize: int = option(0, "short side before the centre crop; 0: no margin is cropped", least=0)
    filter: str = option(
        "bilinear", "resize filter", choices=("nearest", "box", "bilinear", "hamming", "bicubic", "lanczos")
    )
    color: str = option("RGB", "channels of the input", choices=("RGB", "GRAY"))
    normalise: str = option("half", "half: (pixel-128)/127.5; imagenet: its mean and std", choices=("half", "imagenet"))
    dropout: float = option(0.1, "before the head", least=0)
    weights: str = option("", "pretrained weights: torchvision's name (DEFAULT downloads) or a local file")
    freeze_epochs: int = option(0, "epochs at the start that train the head alone; -1: all", least=-1)
    backbone_lr: float = option(1.0, "learning rate of the backbone as a share of the head's", least=0)


@dataclass(frozen=True)
class AugmentConfig:
    hflip: float = option(0.0, "probability of a left-right flip", least=0)
    vflip: float = option(0.0, "probability of an upside-down flip", least=0)
    rotation: float = option(0.0, "largest rotation in degrees", least=0)
    shift: float = option(0.0, "largest shift as a share of the side", least=0)
    jitter: float = option(0.0, "brightness, contrast and saturation jitter, 0.2 = +-20 %%", least=0)
    crop: float = option(1.0, "least area of a random resized crop; 1: off", least=0.05)
    erase: float = option(0.0, "probability of erasing a rectangle", least=0)
    mixup: float = option(0.0, "alpha of mixup; 0: off", least=0)


PRESETS: dict[str, dict[str, float]] = {
    "none": {},
    "light": {"hflip": 0.5, "jitter": 0.1},
    "photo": {"hflip": 0.5, "rotation": 10, "jitter": 0.3, "crop": 0.4, "erase": 0.2},
    "digits": {"rotation": 8, "shift": 0.08},  # no flips: a mirrored 2 is not a 2
}


@dataclass(frozen=True)
class TrainConfig:
    epochs: int = option(15, "passes over the training pictures", least=1)
    batch: int = option(64, "pictures in a step, over all processes", least=2)
    optimizer: str = option("adamw", "optimiser of the weights", choices=("adam", "adamw", "sgd"))
    lr: float = option(0.004, "peak learning rate, or 'find'", least=0)
    momentum: float = option(0.9, "of sgd", least=0)
    weight_decay: float = option(0.01, "pull of every weight towards 0", least=0)
    schedule: str = option("cosine", "after the warm-up", choices=("cosine", "plateau", "constant"))
    warmup: float = option(3.0, "epochs of linear warm-up", least=0)
    label_smoothing: float = option(0.0, "share of the truth that is spread over all classes", least=0)
    balance: str = option(
        "none", "against imbalance (of independent labels: none or weights)", choices=("none", "weights", "sampler")
    )
    clip: float = option(0.0, "largest gradient norm; 0: off", least=0)
    ema: float = option(0.0, "decay of the averaged weights; 0: off", least=0)
    patience: int = option(0, "stop after this many epochs without a better validation loss; 0: never", least=0)
    amp: bool = option(False, "mixed precision (CUDA only)")
    seed: int = option(0, "of weights, order and augmentation", least=0)
    device: str = option("auto", "auto takes CUDA where there is one", choices=("auto", "cpu", "cuda"))
    threads: int = option(0, "0: 1 for inputs up to 64 pixels, else one per core", least=0)
    workers: int = option(0, "processes that decode pictures", least=0)
    cache_mb: int = option(1024, "pictures are kept in memory at model size up to this", least=0)


@dataclass(frozen=True)
class ExportConfig:
    version: str = option("1", "version written into the model")
    input: str = option("float32", "float32: NCHW; uint8: NHWC, normalised in the graph", choices=("float32", "uint8"))
    int8: bool = option(False, "also write NAME-int8.onnx")
    fp16: bool = option(False, "also write NAME-fp16.onnx")
    torchscript: bool = option(False, "also write NAME.pt")
    coverage: float = option(0.98, "share of validation pictures the rejection threshold keeps", least=0)
    proof: int = option(12, "pictures in the proof, 8 to 16", least=8)


@dataclass(frozen=True)
class Config:
    data: DataConfig = field(default_factory=DataConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    export: ExportConfig = field(default_factory=ExportConfig)


SECTIONS: dict[str, type] = {
    "data": DataConfig,
    "model": ModelConfig,
    "augment": AugmentConfig,
    "train": TrainConfig,
    "export": ExportConfig,
}


def with_values(config: Config, values: dict[str, dict[str, Any]], place: str) -> Config:
    """A copy with the given section/key values set; each is checked and the place of a bad one named."""
    for section, entries in values.items():
        if section not in SECTIONS:
            raise TrainerError(f"{place}: unknown section [{section}]", f"expected one of {', '.join(SECTIONS)}")
        kinds = {f.name: f for f in fields(SECTIONS[section])}
        checked = {}
        for key, value in entries.items():
            if key not in kinds:
                raise TrainerError(
                    f"{place}: unknown key {key!r} in [{section}]", f"expected one of {', '.join(kinds)}"
                )
            checked[key] = _checked(kinds[key], value, f"{place}: {section}.{key}")
        config = dataclasses.replace(config, **{section: dataclasses.replace(getattr(config, section), **checked)})
    return config


def _checked(known: "dataclasses.Field[Any]", value: Any, place: str) -> Any:
    wanted = type(known.default)
    if wanted is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if wanted is tuple and isinstance(value, list):
        value = tuple(value)
    if type(value) is not wanted:
        raise TrainerError(f"{place}: expected {wanted.__name__}, found {value!r}")
    choices, least = known.metadata["choices"], known.metadata["least"]
    if choices and value not in choices:
        raise TrainerError(f"{place}: expected one of {', '.join(choices)}, found {value!r}")
    if least is not None and not value >= least:
        raise TrainerError(f"{place}: expected at least {least:g}, found {value}")
    return value


def read(path: Path) -> Config:
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise TrainerError(
            f"{path} cannot be read: {error.strerror}", "name a TOML file like a run's config.toml"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TrainerError(f"{path} is not a TOML file: {error}", "mend that line") from error
    return with_values(Config(), values, str(path))


def write(config: Config, path: Path) -> None:
    path.write_text(to_toml(config), "utf-8")


def to_toml(config: Config) -> str:
    lines = []
    for section in SECTIONS:
        lines.append(f"[{section}]")
        lines += [f"{key} = {_toml(v)}" for key, v in dataclasses.asdict(getattr(config, section)).items()]
        lines.append("")
    return "\n".join(lines)


def _toml(value: Any) -> str:
    """TOML's strings, numbers, booleans and arrays are written as in JSON (but TOML knows no lone DEL escape)."""
    return json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False).replace("\x7f", "\\u007f")


def input_size(size: str) -> tuple[int, int]:
    """ "224" or "320x240" => (width, height)."""
    parts = size.lower().split("x")
    if len(parts) > 2 or not all(p.isascii() and p.isdigit() and 8 <= int(p) <= 4096 for p in parts):
        raise TrainerError(f"--size: expected N or WIDTHxHEIGHT of 8 to 4096 pixels, found {size!r}")
    return int(parts[0]), int(parts[-1])
