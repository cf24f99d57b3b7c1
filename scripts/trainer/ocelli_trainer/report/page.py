"""report.html: one self-contained page about a run, and its plots as PNG files beside it."""

import base64
import io
import json
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ocelli_trainer import config as configs
from ocelli_trainer.config import Config
from ocelli_trainer.data.dataset import SPLITS, Dataset, open_picture
from ocelli_trainer.files import write_whole
from ocelli_trainer.report import plots
from ocelli_trainer.run import Run

THUMB = 96  # pixels
SAMPLES = 12  # worst pictures shown


def write(run: Run, config: Config, dataset: Dataset, found: dict[str, Any]) -> None:
    images = plots.all_plots(run.read_history(), found)
    for name, data in images.items():
        write_whole(run.folder / f"{name}.png", data)
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined
    )
    page = environment.get_template("report.html.j2").render(
        name=config.data.name,
        found=found,
        metrics=found["metrics"],
        independent=dataset.independent,
        counts={k: len(dataset.splits[k]) for k in SPLITS},
        lint=_lint_text(run),
        plots={name: _data_uri(data, "png") for name, data in images.items()},
        worst=[w | {"picture": thumbnail(Path(w["file"]), config.model.color)} for w in found["worst"][:SAMPLES]],
        toml=configs.to_toml(config),
        history=run.read_history(),
    )
    write_whole(run.report, page.encode())


def _lint_text(run: Run) -> str:
    if not run.lint_json.exists():
        return "not looked at"
    findings = json.loads(run.lint_json.read_text("utf-8"))["findings"]
    return "\n".join(f"{f['level']}: {f['kind']}: {f['text']}" for f in findings) or "no findings"


def thumbnail(path: Path, color: str) -> str:
    picture = open_picture(path, color)
    picture.thumbnail((THUMB, THUMB))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=80)
    return _data_uri(buffer.getvalue(), "jpeg")


def _data_uri(data: bytes, kind: str) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"
