"""Variants: the recipes of a study, each without regard to its seed, and how they differ."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from assay.core.errors import UsageError
from assay.recipes.keys import flatten
from assay.recipes.recipe import Recipe

Scores = Mapping[str, float]  # of each variant by name: the mean over its seeds, higher is better


@dataclass(frozen=True)
class Variant:
    """A recipe of a study; `after` names the variant that it builds on and is measured against.

    values: the hyper-parameters that make it a cell of a grid or a draw, by dotted key.
    """

    name: str
    recipe: Recipe
    after: str | None = None
    values: Mapping[str, Any] = field(default_factory=dict, compare=False)  # the recipe says it all, and a dict no hash

    @property
    def slug(self) -> str:
        """The name as part of a folder's."""
        return re.sub(r"[^\w.+-]+", "-", self.name).strip("-.")


def check_names(variants: Iterable[Variant]) -> None:
    """Raise UsageError where two variants would share a folder, or one would have none."""
    seen: dict[str, str] = {}
    for one in variants:
        if not one.slug:
            raise UsageError(f"'{one.name}' is no name for a folder; use letters and digits")
        if one.slug in seen:
            raise UsageError(f"'{seen[one.slug]}' and '{one.name}' are too alike to be two folders")
        seen[one.slug] = one.name


def label(values: Mapping[str, Any]) -> str:
    """`lr=0.01 batch_size=64`: the last word of each key, or the one before where that is `name`, with its value."""
    names = key_names(values)
    return " ".join(f"{name}={short(value)}" for name, value in zip(names, values.values(), strict=True))


def key_names(keys: Iterable[str]) -> list[str]:
    """`lr` for `optimizer.lr`: each key's last word, or the one before where that is `name`; all of it if two clash."""
    words = [key.split(".") for key in keys]
    names = [parts[-2] if parts[-1] == "name" and len(parts) > 1 else parts[-1] for parts in words]
    if len(set(names)) < len(names):  # optimizer.lr and another lr
        return [".".join(parts) for parts in words]
    return names


def differences(first: Recipe, second: Recipe) -> dict[str, tuple[Any, Any]]:
    """The keys in which two recipes differ, `optimizer.lr`, with both values; name, seed and reported do not count."""
    one, other = (
        flatten(recipe.model_dump(mode="json", exclude={"name", "seed", "reported"})) for recipe in (first, second)
    )
    return {key: (one.get(key), other.get(key)) for key in {**one, **other} if one.get(key) != other.get(key)}


def short(value: Any) -> str:
    """A value as a word: `sgd:0.9` for a section, `flip+crop 2` for a list."""
    if isinstance(value, Mapping):
        return ":".join(map(short, value.values()))
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "+".join(map(short, value)) or "none"
    return str(value)
