"""Validation errors as sentences: the place, the key, what is wrong, and the nearest right name."""

from collections.abc import Iterator, Mapping, Set
from typing import Any, get_args

from pydantic import ValidationError

from assay.core.errors import UsageError, unknown
from assay.recipes.keys import KeyPath, Places, dotted_key, nearest_place
from assay.recipes.named_sections import NamedSection
from assay.recipes.schema import TAGS, Section

_CHOICES = ("literal_error", "union_tag_invalid", "unknown_name")


def explain(
    error: ValidationError, model: type[Section], values: Any, places: Places, tags: Set[str] = TAGS
) -> UsageError:
    """All errors of `values`, validated as `model`, as one UsageError with a line for each.

    tags: the names that the unions of `model` have for their members, which pydantic puts between the keys.
    """
    problems = [(_without_tags(problem["loc"], values, tags), problem) for problem in error.errors()]
    return UsageError("\n".join(_sentence(path, problem, model, values, places) for path, problem in problems))


def _sentence(path: KeyPath, problem: Any, model: type[Section], values: Any, places: Places) -> str:
    place, key, kind, context = nearest_place(path, places), dotted_key(path), problem["type"], problem.get("ctx", {})
    if kind == "extra_forbidden":
        section = section_class(model, path[:-1], values) or model
        return str(unknown("key", key, [dotted_key((*path[:-1], name)) for name in section.model_fields], place))
    if kind in _CHOICES:
        return str(unknown(f"value for {key}:", _given_name(problem), _names(context), place))
    message = str(context["error"]) if kind == "value_error" else problem["msg"]
    shows_input = kind not in ("missing", "missing_name", "value_error")
    ending = f" (given: {problem['input']!r})" if shows_input else ""
    where = f"{place}: " if place else ""
    return f"{where}{key}: {message[0].lower()}{message[1:]}{ending}"


def _given_name(problem: Any) -> str:
    value = problem["input"]
    return str(value.get("name") if isinstance(value, dict) else value)


def _names(context: Mapping[str, Any]) -> list[str]:
    """The names that are allowed at the place of an error."""
    if "names" in context:
        return list(context["names"])
    choices = str(context.get("expected") or context.get("expected_tags"))
    return [name.strip("'") for name in choices.replace(" or ", ", ").split(", ")]


def _without_tags(location: KeyPath, values: Any, tags: Set[str]) -> KeyPath:
    """Pydantic's location without the tags of unions that it puts between the keys."""
    path: list[str | int] = []
    for part in location:
        if part in tags and not (isinstance(values, dict) and part in values):
            continue
        values = _inner(values, part)
        path.append(part)
    return tuple(path)


def _inner(values: Any, part: str | int) -> Any:
    if isinstance(values, dict):
        return values.get(part)
    if isinstance(values, (list, tuple)) and isinstance(part, int) and part < len(values):
        return values[part]
    return None


def section_class(model: type[Section], path: KeyPath, values: Any) -> type[Section] | None:
    """The class of the section at a key path below `model`, picked by the name in `values` where there are several.

    None where there is no section, and for a name that is not known.
    """
    section: type[Section] | None = model
    for part in path:
        values = _inner(values, part)
        if section is not None and part in section.model_fields:
            candidates = list(_sections_in(section.model_fields[str(part)].annotation))
            section = _pick(candidates, values)
    return section


def _sections_in(annotation: Any) -> Iterator[type[Section]]:
    if isinstance(annotation, type) and issubclass(annotation, Section):
        yield annotation
    for argument in get_args(annotation):
        yield from _sections_in(argument)


def _pick(candidates: list[type[Section]], values: Any) -> type[Section] | None:
    """The candidate that `values` name; where none is named by a key, the only one."""
    name = values.get("name") if isinstance(values, dict) else values
    if len(candidates) != 1:
        return {candidate.model_fields["name"].default: candidate for candidate in candidates}.get(name)
    (section,) = candidates
    if issubclass(section, NamedSection):
        return section.of_name(name)
    return section
