"""The package that `pip install` takes: everything that runs is inside, and its command starts."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

TRAINER = Path(__file__).parents[1]
PACKAGE = "ocelli_trainer"


def run(*command: str, **environment: str) -> str:
    result = subprocess.run(
        command, check=False, env=os.environ | environment, capture_output=True, text=True, timeout=120
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, since setuptools leaves its workings beside the sources."""
    folder = tmp_path_factory.mktemp("wheel")
    shutil.copytree(
        TRAINER, folder / "source", ignore=shutil.ignore_patterns("build", ".*", "*.egg-info", "__pycache__")
    )
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check")
    run(*pip, "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(folder), str(folder / "source"))
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_holds_every_file_of_the_package_and_no_test(wheel: Path) -> None:
    files = {p.relative_to(TRAINER).as_posix() for p in (TRAINER / PACKAGE).rglob("*") if p.is_file()}
    expected = {name for name in files if "__pycache__" not in name}
    found = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert found == expected
    assert {Path(name).suffix for name in found} == {".py", ".toml", ".j2"}


def test_the_wheel_asks_for_what_setup_installs(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        metadata = archive.read(name).decode().splitlines()
    required = {line.removeprefix("Requires-Dist: ") for line in metadata if line.startswith("Requires-Dist: ")}
    lines = (TRAINER / "requirements.txt").read_text("utf-8").splitlines()
    assert required == {line for line in lines if not line.startswith("#")}


def test_the_installed_command_starts_and_draws_a_data_set(wheel: Path, tmp_path: Path) -> None:
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check")
    target = tmp_path / "installed"
    run(*pip, "install", "-q", "--no-deps", "--target", str(target), str(wheel))
    command = str(target / "bin" / "ocelli-train")
    shown = run(command, "--help", PYTHONPATH=str(target))
    assert shown.startswith("usage: ocelli-train [-h] COMMAND ...")
    assert "train and export" in shown
    where = run(sys.executable, "-c", f"import {PACKAGE}; print({PACKAGE}.__file__)", PYTHONPATH=str(target))
    assert Path(where.strip()) == target / PACKAGE / "__init__.py"
    run(command, "demo-data", "digits", str(tmp_path / "digits"), PYTHONPATH=str(target))
    assert len(list((tmp_path / "digits").rglob("*.png"))) == 1797
