"""Puts a built binary into a wheel: `make_wheel.py BINARY MACHINE VERSION FOLDER RUNTIME`.

Installed, it stands in the environment's bin; ONNX Runtime comes as a dependency, and the
binary finds it there by itself. RUNTIME is its package: `onnxruntime`, or `onnxruntime-gpu`
for CUDA and TensorRT, which makes the wheel `ocelli-gpu`. An extra could not choose: it only
adds, and the two packages of ONNX Runtime fill the same folder.
"""

import pathlib
import sys

from wheel.wheelfile import WheelFile

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "cross"))
from elf import inspect

METADATA = """Metadata-Version: 2.1
Name: {name}
Version: {version}
Summary: Edge-device deployment runtime for image classifiers
License: MIT OR Apache-2.0
Requires-Python: >=3.9
Requires-Dist: {runtime}>=1.17
Description-Content-Type: text/markdown

{readme}"""


def main(binary: str, machine: str, version: str, folder: str, runtime: str) -> None:
    name = runtime.replace("onnxruntime", "ocelli")
    stem = f"{name.replace('-', '_')}-{version}"
    glibc, _ = inspect(binary)
    tag = f"py3-none-manylinux_{glibc.replace('.', '_')}_{machine}"
    path = pathlib.Path(folder) / f"{stem}-{tag}.whl"
    path.unlink(missing_ok=True)
    with WheelFile(path, "w") as wheel:
        info = f"{stem}.dist-info"
        wheel.write(binary, f"{stem}.data/scripts/ocelli")
        metadata = METADATA.format(
            name=name, version=version, runtime=runtime, readme=pathlib.Path("README.md").read_text()
        )
        wheel.writestr(f"{info}/METADATA", metadata)
        wheel.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nGenerator: ocelli\nRoot-Is-Purelib: false\nTag: {tag}\n")
    print(f"package: {path}: {path.stat().st_size} bytes", file=sys.stderr)


main(*sys.argv[1:])
