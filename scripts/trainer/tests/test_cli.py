"""What a person sees: exit codes, one clear sentence per fault, and a package that loads without torch."""

import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Maker

from ocelli_trainer import cli
from ocelli_trainer.data import demo as demo_data
from ocelli_trainer.data import shapes

TRAINER = Path(__file__).parents[1]
NEED_TORCH = {
    *("train", "data.loader", "deliver.describe", "deliver.export", "deliver.torch_export", "deliver.variants"),
    *(
        "fit.distributed",
        "fit.inference",
        "fit.loop",
        "fit.models",
        "fit.objective",
        "fit.optim",
        "fit.torch_settings",
        "fit.trained",
    ),
}
BLOCK_TORCH = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] in ('torch', 'torchvision'):
            raise ModuleNotFoundError(f'No module named {name!r}', name=name)
sys.meta_path.insert(0, Blocked())
"""


def python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", BLOCK_TORCH + code, *arguments],
        check=False,
        cwd=TRAINER,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_all_but_the_training_loads_without_torch(make_set: Maker) -> None:
    files = [p.relative_to(TRAINER).with_suffix("") for p in sorted((TRAINER / "ocelli_trainer").rglob("[!_]*.py"))]
    light = {".".join(file.parts) for file in files} - {f"ocelli_trainer.{name}" for name in NEED_TORCH}
    assert len(light) > 30
    result = python("import importlib\nfor name in sys.argv[1:]: importlib.import_module(name)", *sorted(light))
    assert result.returncode == 0, result.stderr
    root = make_set("clean", {"train": 10, "val": 2, "test": 2})
    result = python("from ocelli_trainer.cli import main; sys.exit(main(sys.argv[1:]))", "lint", str(root))
    assert (result.returncode, result.stdout) == (0, "clean: 30 train, 6 val, 6 test\nno findings\n")


def test_training_without_torch_names_the_setup(make_set: Maker) -> None:
    root = make_set("clean", {"train": 10, "val": 2, "test": 2})
    result = python("from ocelli_trainer.cli import main; sys.exit(main(sys.argv[1:]))", "train", str(root))
    assert result.returncode == 2
    assert result.stderr == "error: the Python package torch is not installed; run scripts/setup --train\n"


def test_help_is_short(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        cli.main(["--help"])
    assert stopped.value.code == 0
    assert len(capsys.readouterr().out.splitlines()) < 20


def test_the_shapes_set_depends_on_its_seed_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_data, "SHAPES_PER_CLASS", {"train": 3, "test": 2})
    for folder, seed in (("a", "0"), ("b", "0"), ("c", "1")):
        assert cli.main(["demo-data", "shapes", str(tmp_path / folder), "--seed", seed]) == 0
    a, b, c = (sorted(p.read_bytes() for p in (tmp_path / f).rglob("*.*")) for f in "abc")
    assert len(a) == 5 * len(shapes.CLASSES)
    assert a == b and a != c


def test_a_full_folder_is_not_written_into(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.txt").write_text("x")
    assert cli.main(["demo-data", "digits", str(tmp_path)]) == 2
    assert capsys.readouterr().err == f"error: {tmp_path} is not empty; name a new folder or add --overwrite\n"


def test_digits_are_the_bundled_ones_stratified(tmp_path: Path) -> None:
    assert cli.main(["demo-data", "digits", str(tmp_path / "d")]) == 0
    count = {split: len(list((tmp_path / "d" / split).rglob("*.png"))) for split in ("train", "val", "test")}
    assert count == {"train": 1078, "val": 360, "test": 359}
