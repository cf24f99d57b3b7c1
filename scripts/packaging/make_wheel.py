"""Puts a built binary into a wheel: `make_wheel.py BINARY MACHINE VERSION FOLDER`.

Installed, it stands in the environment's bin; ONNX Runtime comes as a dependency, and the
binary finds it there by itself. `[gpu]` brings the CUDA and TensorRT build instead.
"""

import pathlib
import sys

from wheel.wheelfile import WheelFile

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "cross"))
from elf import inspect

METADATA = """Metadata-Version: 2.1
Name: ocelli
Version: {version}
Summary: Edge-device deployment runtime for image classifiers
License: MIT OR Apache-2.0
Requires-Python: >=3.9
Requires-Dist: onnxruntime>=1.17
Provides-Extra: gpu
Requires-Dist: onnxruntime-gpu>=1.17; extra == 'gpu'
Description-Content-Type: text/markdown

{readme}"""


def main(binary: str, machine: str, version: str, folder: str) -> None:
    glibc, _ = inspect(binary)
    tag = f"py3-none-manylinux_{glibc.replace('.', '_')}_{machine}"
    path = pathlib.Path(folder) / f"ocelli-{version}-{tag}.whl"
    path.unlink(missing_ok=True)
    with WheelFile(path, "w") as wheel:
        info = f"ocelli-{version}.dist-info"
        wheel.write(binary, f"ocelli-{version}.data/scripts/ocelli")
        readme = pathlib.Path("README.md").read_text()
        wheel.writestr(f"{info}/METADATA", METADATA.format(version=version, readme=readme))
        wheel.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nGenerator: ocelli\nRoot-Is-Purelib: false\nTag: {tag}\n")
    print(f"package: {path}: {path.stat().st_size} bytes", file=sys.stderr)


main(*sys.argv[1:])
