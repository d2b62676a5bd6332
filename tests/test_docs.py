"""The docs are correct: commands parse, names exist, links and anchors lead to a page."""

import ast
import pkgutil
import re
import shlex
from importlib import import_module
from pathlib import Path
from typing import Any, TypeGuard

import pytest
import typer.main

from assay.cli.main import USAGE_ERROR, app
from assay.cli.options import parse_changes
from assay.core.registry import Registry
from assay.data.augment.registry import AUGMENTATIONS
from assay.data.corruptions.registry import CORRUPTIONS
from assay.data.datasets.registry import DATASETS
from assay.experiments.fault_injection import FAULTS
from assay.models.layer import LAYERS
from assay.models.zoo.registry import NETS
from assay.recipes.loader import read_recipe
from assay.recipes.named_sections import LOSSES, OPTIMIZERS, SCHEDULES
from assay.recipes.recipe import Recipe
from assay.studies.engines import ENGINES
from assay.studies.papers import PAPERS
from assay.studies.plans import PLANS
from assay.studies.spec import StudySpec

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "benchmarks/README.md"], key=str)
BLOCK = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
IN_BLOCK, IN_SENTENCE = re.compile(r"^assay .*$", re.MULTILINE), re.compile(r"`(assay [^`]+)`")
LINK = re.compile(r"\]\(([^)#:]+)\)")
FILE = re.compile(r"`((?:src|tests|docs|\.ci)/[^`\s]*|[a-z]+\.txt|Makefile)`")

ANCHOR = re.compile(r"\]\(([^)#:]*)#([^)]+)\)")
BANNED = (
    "one's own", "of which", "is there", "at hand", "judge", "go on with", "goes on with", "as done", "as meant",
    "made anew", "kept apart", "so many", "nats per image",
)  # fmt: skip
QUAINT = re.compile(r"\b(?:" + "|".join(BANNED) + r")\b", re.IGNORECASE)

every_document = pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())


def commands(path: Path) -> list[str]:
    """The command lines of a document, those in blocks and those in sentences."""
    text = path.read_text(encoding="utf-8")
    return [line for block in BLOCK.findall(text) for line in IN_BLOCK.findall(block)] + IN_SENTENCE.findall(text)


def parse(line: str) -> tuple[str, dict[str, Any]]:
    """The verb, `data show`, and its parameters as typer reads them. Raises typer's error for what it does not know."""
    command: Any = typer.main.get_command(app)
    verbs: list[str] = []
    words = shlex.split(line)[1:]
    if words in (["--help"], ["--version"]):
        return "", {}
    while hasattr(command, "resolve_command"):
        context = command.make_context("assay", list(words))
        name, command, words = command.resolve_command(context, words)
        verbs.append(name)
    return " ".join(verbs), command.make_context("assay", words).params


def is_real(name: str | None) -> TypeGuard[str]:
    """Whether the name is literal: a placeholder, a reader's file or a `key=value` word is not."""
    return name is not None and not name.isupper() and Path(name).suffix != ".yaml" and "=" not in name


@every_document
def test_every_command_parses_and_names_what_exists(path: Path) -> None:
    for line in commands(path):
        verb, parameters = parse(line)
        recipe, name = parameters.get("recipe"), parameters.get("name")
        recipe = name if verb == "recipes show" else recipe
        if is_real(recipe):
            read_recipe(recipe).override(parse_changes(parameters.get("changes") or []))
        if is_real(name) and verb in ("data get", "data show", "models show"):
            assert name in ((*NETS, "mobilenet_v1") if verb == "models show" else DATASETS), line


@every_document
def test_every_link_leads_to_a_file(path: Path) -> None:
    for target in LINK.findall(path.read_text(encoding="utf-8")):
        assert (path.parent / target).exists(), target


@every_document
def test_every_file_named_is_there(path: Path) -> None:
    for name in FILE.findall(path.read_text(encoding="utf-8")):
        if "NAME" not in name and "EXPERIMENT" not in name:
            assert (ROOT / name).exists(), name


def test_an_unknown_verb_or_option_would_be_found() -> None:
    for line in ("assay trian fashion/cnn-bn", "assay train fashion/cnn-bn --thread 1", "assay runs shwo latest"):
        with pytest.raises(USAGE_ERROR):
            parse(line)


def test_every_page_is_linked_from_the_index_and_the_index_from_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    index = (ROOT / "docs/README.md").read_text(encoding="utf-8")
    assert "docs/README.md" in readme
    for page in (ROOT / "docs").glob("*/*.md"):
        assert page.relative_to(ROOT / "docs").as_posix() in index, page


def anchors(path: Path) -> set[str]:
    """The anchors that GitHub makes of a page's headings."""
    headings = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@every_document
def test_every_anchor_is_a_heading(path: Path) -> None:
    for target, anchor in ANCHOR.findall(path.read_text(encoding="utf-8")):
        page = path.parent / target if target else path
        assert anchor in anchors(page), f"{target}#{anchor}"


@every_document
def test_prose_wraps_at_120_columns_and_reads_like_english(path: Path) -> None:
    for line in path.read_text(encoding="utf-8").splitlines():
        assert len(line) <= 120 or line.startswith(("|", "![")), line
        assert not QUAINT.search(line), line


@every_document
def test_every_import_in_a_python_block_works(path: Path) -> None:
    for block in re.findall(r"^```python\n(.*?)^```", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("assay"):
                module = import_module(str(node.module))
                assert all(hasattr(module, name.name) for name in node.names), ast.unparse(node)


@every_document
def test_every_dotted_name_exists(path: Path) -> None:
    if path.name == "CHANGELOG.md":  # it lists old names
        return
    for name in re.findall(r"\bassay(?:\.\w+)+", path.read_text(encoding="utf-8")):
        if name != "assay.plugins":  # the group of entry points
            assert pkgutil.resolve_name(name), name


@pytest.mark.parametrize(
    ("registry", "page"),
    [
        (AUGMENTATIONS, "reference/preprocessing.md"),
        (CORRUPTIONS, "how-to/measure-robustness.md"),
        (DATASETS, "reference/data-sets.md"),
        (FAULTS, "reference/studies.md"),
        (LAYERS, "reference/nets.md"),
        (LOSSES, "reference/recipe.md"),
        (OPTIMIZERS, "reference/training.md"),
        (SCHEDULES, "reference/training.md"),
        (PLANS, "reference/studies.md"),
        (ENGINES, "reference/studies.md"),
        (PAPERS, "results/papers.md"),
    ],
)
def test_every_registered_name_is_documented(registry: Registry[Any], page: str) -> None:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    assert [name for name in registry if not re.search(rf"\b{re.escape(name)}\b", text)] == []


def test_every_key_of_a_recipe_and_a_study_is_documented() -> None:
    recipe_page, study_page = ((ROOT / "docs/reference" / name).read_text() for name in ("recipe.md", "studies.md"))
    keys = {key for field in Recipe.model_fields for key in section_keys(field)}
    assert [key for key in sorted(keys) if not re.search(rf"\b{key}\b", recipe_page)] == []
    assert [key for key in StudySpec.model_fields if f"`{key}`" not in study_page] == []


def section_keys(field: str) -> list[str]:
    """The key of a recipe, and the keys of its section; those of schedules and the like depend on their name."""
    section = Recipe.model_fields[field].annotation
    return [field, *getattr(section, "model_fields", {})]
