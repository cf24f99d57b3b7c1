"""What was typed for `ocelli-train train` becomes what is meant: one configuration, and how the run is started.

Flags stand above the preset, the preset above the file or the old run, these above the defaults.
"""

import argparse
import re
from pathlib import Path
from typing import Any

from ocelli_trainer import config as configs
from ocelli_trainer.config import PRESETS, Config
from ocelli_trainer.errors import TrainerError, say
from ocelli_trainer.flags import typed_values
from ocelli_trainer.run import Run, RunOptions

RETRAIN_LR = 0.25  # of the old peak: new pictures shall refine the old weights, not undo them


def resolve(arguments: argparse.Namespace) -> tuple[Config, RunOptions]:
    typed = typed_values(arguments)
    find_lr = typed.get("train", {}).get("lr") == "find"
    if find_lr:
        del typed["train"]["lr"]
    if arguments.resume:
        return _resumed(arguments, typed)
    config = _base_config(arguments, typed)
    if arguments.augment:
        config = configs.with_values(config, {"augment": _preset(arguments.augment)}, "--augment")
    config = configs.with_values(config, typed, "flags")
    if arguments.data:
        config = configs.with_values(config, {"data": {"path": arguments.data}}, "DATA")
    if not config.data.path:
        raise TrainerError("no data set is named", "give DATA, a folder of class folders")
    name = config.data.name or _name(
        arguments.output.stem if arguments.output else Path(config.data.path).resolve().name
    )
    config = configs.with_values(config, {"data": {"name": name}}, "--name")
    run = Run(arguments.run_dir or Path("runs") / name)
    if arguments.old and arguments.old.resolve() == run.folder.resolve():
        raise TrainerError(f"--from {arguments.old} is also where the new run would be written", "name another folder")
    options = RunOptions(
        run=run,
        output=arguments.output or run.folder / f"{name}.onnx",
        overwrite=arguments.overwrite,
        force=arguments.force,
        find_lr=find_lr,
        old=Run(arguments.old) if arguments.old else None,
    )
    return config, options


def _base_config(arguments: argparse.Namespace, typed: dict[str, Any]) -> Config:
    """The configuration under the flags: the file's, the old run's, or the defaults."""
    if arguments.config and arguments.old:
        raise TrainerError(
            "--config and --from exclude each other: a retraining takes its run's configuration", "leave one out"
        )
    if arguments.config:
        return configs.read(arguments.config)
    if not arguments.old:
        return Config()
    old = Run(arguments.old).read_config()
    if arguments.data:
        raise TrainerError("--from keeps the old run's data", "give new folders by --add")
    if not typed.get("data", {}).get("add"):
        raise TrainerError("--from needs new pictures", "give their folders by --add")
    rate, version = old.train.lr * RETRAIN_LR, _next_version(old.export.version)
    say(f"retraining: peak rate {rate:g}, a quarter of {old.train.lr:g}; version {version}; flags win over both")
    return configs.with_values(
        old, {"train": {"lr": rate}, "export": {"version": version}, "data": {"name": ""}}, "--from"
    )


def _next_version(version: str) -> str:
    return str(int(version) + 1) if version.isdigit() else f"{version}+1"


def _preset(name: str) -> dict[str, float]:
    """All augmentations as the preset says, those it does not name off."""
    return vars(configs.AugmentConfig()) | PRESETS[name]


def _name(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-") or "model"


def _resumed(arguments: argparse.Namespace, typed: dict[str, Any]) -> tuple[Config, RunOptions]:
    extra = [f"{section}.{key}" for section, values in typed.items() for key in values]
    extra += [flag for flag in ("config", "augment", "old", "overwrite") if getattr(arguments, flag)]
    if extra:
        raise TrainerError(f"--resume takes everything from the run; also given: {', '.join(extra)}", "leave these out")
    stem = arguments.output.stem if arguments.output else Path(arguments.data or "").resolve().name
    run = Run(arguments.run_dir or Path("runs") / _name(stem))
    config = run.read_config()
    output = arguments.output or run.folder / f"{config.data.name}.onnx"
    old = Run(Path(run.retrained_from.read_text("utf-8"))) if run.retrained_from.exists() else None
    return config, RunOptions(run, output, resume=True, force=arguments.force, old=old)
