"""Overrides: single keys of a recipe changed by dotted name, as `optimizer.lr=0.1` on the command line."""

from collections.abc import Mapping
from typing import Any, TypeGuard

from assay.core.errors import unknown
from assay.recipes.explain import section_class
from assay.recipes.keys import all_keys, dotted_key
from assay.recipes.named_sections import NamedSection
from assay.recipes.schema import Section


def put(model: type[Section], values: dict[str, Any], path: tuple[str, ...], value: Any, word: str) -> tuple[str, ...]:
    """Put a value at its key path among a recipe's plain values.

    word: what the user wrote, for the error about an unknown key. Returns the path of what has changed: the key, or its
    whole section where another net or another kind of section takes the place.
    """
    target = values
    for part in path[:-1]:
        if not isinstance(target.get(part), dict):
            raise unknown("key", dotted_key(path), all_keys(values), word)
        target = target[part]
    parent, key = path[:-1], path[-1]
    if parent == ("model",) and key in ("name", "layers"):  # a net replaces the net, arguments and all
        values["model"] = {key: value}
        return parent
    section = section_class(model, parent, values)
    if key == "name" and len(parent) == 1 and _is_named(section):
        values[parent[0]] = {**_without_defaults(section, target), key: value}
        return parent
    target[key] = value
    return path


def _is_named(section: type[Section] | None) -> TypeGuard[type[NamedSection]]:
    return section is not None and issubclass(section, NamedSection)


def _without_defaults(section: type[Section], values: Mapping[str, Any]) -> dict[str, Any]:
    """The values that are not the defaults of their section: they stay when a section of another name takes over."""
    defaults = {key: field.get_default(call_default_factory=True) for key, field in section.model_fields.items()}
    return {key: value for key, value in values.items() if value != _plain(defaults[key])}


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
