"""What was typed for `ocelli-train train` becomes what is meant: one configuration and the wishes of this start."""

import argparse
import re
from pathlib import Path
from typing import Any

from ocelli_trainer import config as configs
from ocelli_trainer.config import PRESETS, Config
from ocelli_trainer.errors import TrainerError, say
from ocelli_trainer.flags import typed_values
from ocelli_trainer.run import Run
from ocelli_trainer.train import Wishes

RETRAIN_LR = 0.25  # of the old peak: new pictures shall refine the old weights, not undo them


def understand(options: argparse.Namespace) -> tuple[Config, Wishes]:
    typed = typed_values(options)
    find = typed.get("train", {}).get("lr") == "find"
    if find:
        del typed["train"]["lr"]
    if options.resume:
        return _resumed(options, typed)
    config = _below(options, typed)
    if options.augment:
        config = configs.with_values(config, {"augment": _preset(options.augment)}, "--augment")
    config = configs.with_values(config, typed, "flags")
    if options.data:
        config = configs.with_values(config, {"data": {"path": options.data}}, "DATA")
    if not config.data.path:
        raise TrainerError("no data named", "give DATA, a folder of class folders")
    name = config.data.name or _name(options.output.stem if options.output else Path(config.data.path).resolve().name)
    config = configs.with_values(config, {"data": {"name": name}}, "--name")
    run = Run(options.run_dir or Path("runs") / name)
    if options.old and options.old.resolve() == run.folder.resolve():
        raise TrainerError(f"--from {options.old} is also where the new run would be written", "name another folder")
    wishes = Wishes(
        output=options.output or run.folder / f"{name}.onnx",
        run=run,
        overwrite=options.overwrite,
        force=options.force,
        find_rate=find,
        old=Run(options.old) if options.old else None,
    )
    return config, wishes


def _below(options: argparse.Namespace, typed: dict[str, Any]) -> Config:
    """The configuration under the flags: the file's, the old run's, or the defaults."""
    if options.config and options.old:
        raise TrainerError("--config and --from exclude each other: a retraining takes its run's configuration")
    if options.config:
        return configs.read(options.config)
    if not options.old:
        return Config()
    old = Run(options.old).read_config()
    if options.data:
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


def _resumed(options: argparse.Namespace, typed: dict[str, Any]) -> tuple[Config, Wishes]:
    extra = [f"{section}.{key}" for section, values in typed.items() for key in values]
    extra += [flag for flag in ("config", "augment", "old", "overwrite") if getattr(options, flag)]
    if extra:
        raise TrainerError(f"--resume takes everything from the run; also given: {', '.join(extra)}", "leave these out")
    stem = options.output.stem if options.output else Path(options.data or "").resolve().name
    run = Run(options.run_dir or Path("runs") / _name(stem))
    config = run.read_config()
    output = options.output or run.folder / f"{config.data.name}.onnx"
    old = run.folder / "retrained-from.txt"
    return config, Wishes(
        output, run, resume=True, force=options.force, old=Run(Path(old.read_text())) if old.exists() else None
    )
