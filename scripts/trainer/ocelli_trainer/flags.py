"""One flag for each hyper-parameter, and the values that were really typed, by section.

Apart from the commands, so that both they and what resolves their arguments can use it.
"""

import argparse
from dataclasses import fields
from typing import Any

from ocelli_trainer.config import SECTIONS

NOT_FLAGS = {("data", "path")}  # the positional argument
FLAG_NAMES = {("model", "architecture"): "model"}


def add_flags(group: Any, section: str) -> None:
    """One flag per field; nothing is set unless typed, so that the config file can stand below."""
    for known in fields(SECTIONS[section]):
        if (section, known.name) in NOT_FLAGS:
            continue
        flag = "--" + FLAG_NAMES.get((section, known.name), known.name).replace("_", "-")
        default, text = known.default, known.metadata["help"]
        settings: dict[str, Any] = {"dest": f"{section}.{known.name}", "default": None}
        settings["help"] = f"{text} ({_shown(default)})" if default not in ("", (), False) else text
        if isinstance(default, bool):
            group.add_argument(flag, action=argparse.BooleanOptionalAction, **settings)
            continue
        settings["type"] = _rate if (section, known.name) == ("train", "lr") else _type(default)
        if known.metadata["choices"]:
            settings["choices"] = known.metadata["choices"]
        else:
            settings["metavar"] = "X"
        if known.name == "add":
            settings |= {"action": "append", "type": str, "metavar": "DIR"}
        group.add_argument(flag, **settings)


def typed_values(arguments: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """The flags that were really given, by section."""
    values: dict[str, dict[str, Any]] = {}
    for key, value in vars(arguments).items():
        section, _, name = key.partition(".")
        if name and value is not None:
            values.setdefault(section, {})[name] = tuple(value) if isinstance(value, list) else value
    return values


def _shown(default: Any) -> str:
    return ",".join(f"{v:g}" for v in default) if isinstance(default, tuple) else f"{default}"


def _type(default: Any) -> Any:
    return _shares if isinstance(default, tuple) else type(default)


def _shares(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected three shares like 0.6,0.2,0.2, found {text!r}") from None


def _rate(text: str) -> float | str:
    try:
        return text if text == "find" else float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a number or 'find', found {text!r}") from None
