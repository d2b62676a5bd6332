"""Reading a recipe by name or from a YAML file, and the list of the built-in ones."""

import re
from pathlib import Path
from typing import Any

import yaml

from assay.core.errors import UsageError, unknown
from assay.recipes.keys import KeyPath
from assay.recipes.recipe import END_MARK, Recipe

FOLDER = Path(__file__).parent / "builtin"

_LAST_KEY_OF_0_1 = "reported"  # assay 0.1 wrote no mark at the end


def recipe_names() -> list[str]:
    """The built-in recipes: `kth/3.2`, `fashion/cnn-bn` and so on."""
    return sorted(path.relative_to(FOLDER).as_posix().removesuffix(".yaml") for path in FOLDER.rglob("*.yaml"))


def read_recipe(name_or_path: str) -> Recipe:
    """The built-in recipe of that name, or the one in that YAML file. Raises UsageError with file and line."""
    built_in = name_or_path in recipe_names()
    path = recipe_path(name_or_path) if built_in else Path(name_or_path)
    if not built_in and path.suffix not in (".yaml", ".yml"):
        raise unknown("recipe", name_or_path, recipe_names())
    values, places = read_yaml(path)
    values = {"name": name_or_path if built_in else re.sub(r"[^\w.+-]+|^\W+", "-", path.stem).strip("-"), **values}
    return Recipe.build(values, places)


def read_whole_recipe(path: Path) -> Recipe:
    """The recipe in a file that `Recipe.to_yaml` has written. Raises UsageError, also where the file is cut off."""
    # first, because a value that is cut off may be a wrong value
    if path.is_file() and not _is_whole(path.read_text(encoding="utf-8", errors="replace")):
        raise UsageError(f"{path} is cut off: its last line, '{END_MARK}', is missing")
    return read_recipe(str(path))


def _is_whole(text: str) -> bool:
    """Whether the end is there: the first keys of a recipe are a recipe too."""
    return text.rstrip().endswith(END_MARK) or f"\n{_LAST_KEY_OF_0_1}:" in text


def recipe_path(name: str) -> Path:
    """The file of a built-in recipe. Raises UsageError with the nearest names."""
    if name not in recipe_names():
        raise unknown("recipe", name, recipe_names())
    return FOLDER / f"{name}.yaml"  # not with_suffix, because a name such as kth/3.2 has a dot


def read_yaml(path: Path) -> tuple[dict[str, Any], dict[KeyPath, str]]:
    """The mapping in a YAML file, and the file and line of every key path in it. Raises UsageError."""
    try:
        text = path.read_text(encoding="utf-8")
        _refuse_aliases(text, path)
        values = yaml.safe_load(text)
        places = _places(yaml.compose(text, Loader=yaml.SafeLoader), path)
    except OSError as error:
        raise UsageError(f"cannot read the recipe {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path}: not a text file") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise UsageError(f"{path}:{line}: not valid YAML: {error.problem}") from None
    except RecursionError:
        raise UsageError(f"{path}: nested too deeply to be a recipe") from None
    except yaml.YAMLError as error:
        raise UsageError(f"{path}: not valid YAML: {error}") from None
    if not isinstance(values, dict):
        raise UsageError(f"{path}:1: a recipe is a list of 'key: value' lines")
    return values, {(): str(path), **places}  # a missing key has no line, but it has a file


def _refuse_aliases(text: str, path: Path) -> None:
    """Refuse aliases, because a few lines of them can stand for gigabytes, or for themselves."""
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent):
            line = event.start_mark.line + 1 if event.start_mark else 1
            raise UsageError(f"{path}:{line}: the alias '*{event.anchor}' is not for recipes; write the value out")


def _places(node: yaml.Node | None, path: Path, above: KeyPath = ()) -> dict[KeyPath, str]:
    places: dict[KeyPath, str] = {}
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            place = f"{path}:{key.start_mark.line + 1}"
            here = (*above, str(key.value))
            if here in places:  # YAML itself would quietly keep the last one
                raise UsageError(f"{place}: the key '{key.value}' appears here a second time")
            places[here] = place
            places |= _places(value, path, here)
    elif isinstance(node, yaml.SequenceNode):
        for i, value in enumerate(node.value):
            places[(*above, i)] = f"{path}:{value.start_mark.line + 1}"
            places |= _places(value, path, (*above, i))
    return places
