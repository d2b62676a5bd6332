"""Imports go one way, from the recipe to the command line; heavy and optional packages stay where they belong."""

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import assay

SOURCE = Path(assay.__file__).parent

# A module may import from lower ranks and from its own package; equal ranks are neighbors that do not know each other.
RANKS = {
    "core": 0, "recipes": 1, "data": 2, "models": 2, "training": 3, "evaluation": 4, "explain": 5, "doctor": 5,
    "report": 6, "experiments": 7, "studies": 8, "export": 9, "web": 9, "cli": 10, "__init__": 10, "__main__": 11,
}  # fmt: skip

DRAW_NOTHING = ("evaluation", "explain", "doctor")

MAX_TOP_NAMES, MAX_FILE_LINES, MAX_FUNCTION_LINES, MAX_OWN_IMPORTS = 14, 400, 40, 15

# Files that put the parts together, and so import more of them.
WIRING = {
    "cli/data.py", "cli/main.py", "experiments/setup.py", "experiments/setup_data.py", "experiments/setup_model.py",
    "experiments/setup_trainer.py", "studies/runner.py",
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


def module_name(path: Path) -> str:
    return "assay." + name_of(path).removesuffix(".py").removesuffix("/__init__").replace("/", ".")


MODULE_NAMES = {module_name(path) for path in MODULES}


def own_imports(path: Path, *, top_only: bool = False) -> set[str]:
    """The modules of assay that a file imports."""
    names = set(imported(path, top_only=top_only))
    names |= {name.rpartition(".")[0] for name in names if name not in MODULE_NAMES}
    return (names & MODULE_NAMES) - {module_name(path)}


def test_no_modules_import_each_other_in_a_circle():
    graph = {module_name(path): own_imports(path, top_only=True) for path in MODULES}
    assert len(list(TopologicalSorter(graph).static_order())) >= len(MODULES)  # raises CycleError


def test_few_names_stand_at_the_top():
    assert len({part_of(path) for path in MODULES} - {"__init__", "__main__"}) <= MAX_TOP_NAMES


@every_module
def test_files_and_functions_are_short(path: Path):
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") < MAX_FILE_LINES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno is not None
            assert node.end_lineno - node.lineno < MAX_FUNCTION_LINES, node.name


@every_module
def test_a_file_imports_few_others(path: Path):
    assert name_of(path) in WIRING or len(own_imports(path)) <= MAX_OWN_IMPORTS


def test_nine_files_in_ten_import_at_most_eight_others():
    counts = sorted(len(own_imports(path)) for path in MODULES if name_of(path) not in WIRING)
    assert counts[int(0.9 * len(counts))] <= 8


@pytest.mark.parametrize("path", [path for path in MODULES if part_of(path) in DRAW_NOTHING], ids=name_of)
def test_what_computes_does_not_draw(path: Path):
    assert not {name.partition(".")[0] for name in imported(path)} & {"matplotlib", "rich", "jinja2"}
