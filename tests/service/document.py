"""The API's description as a judge: which routes it names, and whether a value is what it says."""

import functools
import json
import pathlib
import subprocess
import tempfile

import jsonschema_rs
from server import OCELLI, ROOT

# What is written by hand: all but the schemas, which the program has from its types.
DOCUMENT = json.loads((ROOT / "src" / "serve" / "openapi.json").read_text())


def operations() -> set[tuple[str, str]]:
    return {(method, path) for path, item in DOCUMENT["paths"].items() for method in item}


@functools.cache
def whole() -> dict:
    """The description as the program writes it."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([OCELLI, "generate", folder], check=True)
        return json.loads((pathlib.Path(folder) / "openapi.json").read_text())


def check(name: str, value: object) -> None:
    """Fails unless `value` is a `name` of the description's schemas."""
    schema = {"$ref": f"#/components/schemas/{name}", "components": whole()["components"]}
    errors = [f"{'/'.join(map(str, e.instance_path))}: {e.message}" for e in jsonschema_rs.Draft202012Validator(schema).iter_errors(value)]
    assert not errors, errors
