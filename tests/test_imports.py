"""Imports go one way, from the recipe to the command line; heavy and optional packages stay where they belong."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import assay

SOURCE = Path(assay.__file__).parent

# A module may import from lower ranks and from its own package; equal ranks are neighbors that do not know each other.
RANKS = {
    "core": 0, "recipes": 1, "data": 2, "models": 2, "training": 3, "evaluation": 4, "explain": 5, "doctor": 5,
    "report": 6, "experiments": 7, "studies": 8, "export": 9, "web": 9, "cli": 10, "__init__": 10, "__main__": 11,
}  # fmt: skip

MODULES = sorted(SOURCE.rglob("*.py"), key=str)


def imported(path: Path, *, top_only: bool = False) -> Iterator[str]:
    """The full names of all modules that a file imports, inside functions too (or only when it is itself imported)."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in tree.body if top_only else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def part_of(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def name_of(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


every_module = pytest.mark.parametrize("path", MODULES, ids=name_of)


@every_module
def test_imports_go_one_way(path: Path):
    here = part_of(path)
    for name in imported(path):
        top, _, rest = name.partition(".")
        there = rest.partition(".")[0]
        if top == "assay" and there != here:
            assert RANKS[there] < RANKS[here], f"{name_of(path)} imports {name}"


def test_only_rooms_stand_at_the_top():
    assert {part_of(path) for path in MODULES} <= RANKS.keys()


@every_module
def test_the_core_needs_no_optional_package(path: Path):
    optional = {"torchvision", "timm", "ray", "onnx", "onnxruntime", "fastapi"}
    if name_of(path) != "experiments/tracking/mlflow_client.py":
        optional.add("mlflow")
    if name_of(path).startswith("studies/engines/ray/"):  # one engine in a few files; only these import it
        optional.remove("ray")
    if name_of(path) == "models/torchvision_hub.py":
        optional.remove("torchvision")
    if name_of(path) == "models/timm_hub.py":
        optional.remove("timm")
    assert not {name.partition(".")[0] for name in imported(path)} & optional


@every_module
def test_a_random_number_comes_from_a_generator_that_was_passed(path: Path):
    """torch.manual_seed and numpy's global functions change the state of whoever uses assay."""
    found = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    calls = {ast.unparse(node.func) for node in found if isinstance(node, ast.Call)}
    assert not calls & {"torch.manual_seed", "np.random.seed", "random.seed", "torch.cuda.manual_seed_all"}
    assert "random" not in {name.partition(".")[0] for name in imported(path)}


@pytest.mark.parametrize("path", [path for path in MODULES if part_of(path) == "cli"], ids=name_of)
def test_verbs_of_the_command_line_import_what_they_need_when_they_run(path: Path):
    if path.name == "show.py":  # shared by verbs, and imported inside them
        return
    names = set(imported(path, top_only=True))
    ours = {
        name for name in names if name.startswith("assay.") and not name.startswith(("assay.cli", "assay.core.errors"))
    }
    others = {name.partition(".")[0] for name in names}
    assert not ours
    assert not others & {"torch", "numpy", "yaml", "PIL", "rich", "sklearn", "pydantic"}
