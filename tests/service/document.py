"""The API's description as a judge: which routes it names, and whether a value is what it says."""

import json

import jsonschema_rs
from server import ROOT

DOCUMENT = json.loads((ROOT / "src" / "serve" / "openapi.json").read_text())


def operations() -> set[tuple[str, str]]:
    return {(method, path) for path, item in DOCUMENT["paths"].items() for method in item}


def check(name: str, value: object) -> None:
    """Fails unless `value` is a `name` of the description's schemas."""
    schema = {"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]}
    errors = [f"{'/'.join(map(str, e.instance_path))}: {e.message}" for e in jsonschema_rs.Draft202012Validator(schema).iter_errors(value)]
    assert not errors, errors
