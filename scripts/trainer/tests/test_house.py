"""The house rules that a reader relies on: no circle of imports, one direction among folders, small explained files."""

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

TRAINER = Path(__file__).parents[1]
PACKAGE = TRAINER / "ocelli_trainer"
OURS = [*sorted(PACKAGE.rglob("*.py")), *sorted((TRAINER / "tests").glob("*.py"))]
FOLDERS = ("data", "fit", "deliver", "report")  # each may use those before it
LONGEST_FILE, LONGEST_FUNCTION = 300, 50  # lines


def import_graph(package: Path) -> dict[str, set[str]]:
    """Module => modules of the package that it imports anywhere: at its top, in a function, relatively."""
    files = {module_name(path, package): path for path in sorted(package.rglob("*.py"))}
    return {
        name: {found for wanted in imported(name, path) if (found := owner(wanted, files)) and found != name}
        for name, path in files.items()
    }


def module_name(path: Path, package: Path) -> str:
    parts = path.relative_to(package.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(name: str, path: Path) -> Iterator[str]:
    """Everything that a file's imports may name, as a full dotted path; `from a import b` may mean a.b."""
    own_package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = own_package.split(".")
                base = ".".join([*parents[: len(parents) - node.level + 1], *([base] if base else [])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def owner(wanted: str, modules: dict[str, Path]) -> str | None:
    """The module that holds `wanted`, which may be the module itself or a name inside of it."""
    while wanted and wanted not in modules:
        wanted = wanted.rpartition(".")[0]
    return wanted or None


def cycle(graph: dict[str, set[str]]) -> list[str]:
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_no_file_is_imported_in_a_circle() -> None:
    graph = import_graph(PACKAGE)
    assert len(graph) > 30 and "ocelli_trainer.config" in graph["ocelli_trainer.cli"]
    assert cycle(graph) == []


def test_a_circle_is_seen_through_deferred_and_relative_imports(tmp_path: Path) -> None:
    package = tmp_path / "p"
    (package / "inner").mkdir(parents=True)
    for name, text in {
        "__init__.py": "",
        "a.py": "def later():\n    from p.inner import b",
        "inner/__init__.py": "",
        "inner/b.py": "from .c import thing",
        "inner/c.py": "from .. import a",
    }.items():
        (package / name).write_text(text)
    graph = import_graph(package)
    assert graph["p.a"] == {"p.inner.b"} and graph["p.inner.b"] == {"p.inner.c"} and graph["p.inner.c"] == {"p.a"}
    assert set(cycle(graph)) == {"p.a", "p.inner.b", "p.inner.c"}
    (package / "inner" / "c.py").write_text("from ..inner import other")
    assert cycle(import_graph(package)) == []


def test_packages_import_nothing_of_their_own() -> None:
    """Else every file inside would lean on what its package's __init__ imports."""
    graph = import_graph(PACKAGE)
    packages = [module_name(p, PACKAGE) for p in PACKAGE.rglob("__init__.py")]
    assert sorted(packages) == sorted(["ocelli_trainer", *(f"ocelli_trainer.{f}" for f in FOLDERS)])
    assert {name: graph[name] for name in packages if graph[name]} == {}


def test_folders_use_only_those_before_them() -> None:
    def folder(module: str) -> str:
        return module.split(".")[1] if module.count(".") == 2 else ""

    against = [
        f"{user} uses {used}"
        for user, names in import_graph(PACKAGE).items()
        for used in names
        if folder(user) and folder(used) and FOLDERS.index(folder(used)) > FOLDERS.index(folder(user))
    ]
    assert against == []


def test_every_file_says_why_it_exists() -> None:
    silent = [str(p) for p in OURS if not ast.get_docstring(ast.parse(p.read_text("utf-8")))]
    assert silent == []


def test_files_and_functions_stay_short() -> None:
    too_long = []
    for path in OURS:
        text = path.read_text("utf-8")
        if (lines := len(text.splitlines())) > LONGEST_FILE:
            too_long.append(f"{path.name}: {lines} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert node.end_lineno is not None
                if (lines := node.end_lineno - node.lineno + 1) > LONGEST_FUNCTION:
                    too_long.append(f"{path.name}: {node.name} of {lines} lines")
    assert too_long == []
