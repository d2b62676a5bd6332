"""Variants: the recipes of a study, each without its seed, and how two of them differ."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from assay.core.errors import UsageError
from assay.recipes.keys import flatten
from assay.recipes.recipe import Recipe

Scores = Mapping[str, float]  # variant name -> mean over its seeds, higher is better


@dataclass(frozen=True)
class Variant:
    """A recipe of a study; `after` names the variant that it builds on and is compared with.

    values: by dotted key, the hyperparameters of a grid cell or a draw.
    """

    name: str
    recipe: Recipe
    after: str | None = None
    values: Mapping[str, Any] = field(default_factory=dict, compare=False)  # the recipe has them too

    @property
    def slug(self) -> str:
        """The name as part of a folder's name."""
        return re.sub(r"[^\w.+-]+", "-", self.name).strip("-.")


def check_names(variants: Iterable[Variant]) -> None:
    """Raise UsageError for a name that gives no folder name, and for two variants that would share a folder."""
    names: dict[str, str] = {}
    for variant in variants:
        slug = variant.slug
        if not slug:
            raise UsageError(f"'{variant.name}' does not work as a folder name; use letters and digits")
        if slug in names:
            raise UsageError(f"'{names[slug]}' and '{variant.name}' would share the folder name {slug}; rename one")
        names[slug] = variant.name


def check_distinct(variants: Iterable[Variant], scale: float) -> None:
    """Raise UsageError for two variants that differ in name alone, because a study's scale has made them equal."""
    names: dict[str, str] = {}
    for variant in variants:
        earlier = names.setdefault(variant.recipe.override({"name": "variant"}).to_yaml(), variant.name)
        if earlier != variant.name:
            raise UsageError(
                f"at scale {scale:g}, '{earlier}' and '{variant.name}' are the same run; choose a larger scale"
            )


def label(values: Mapping[str, Any]) -> str:
    """`lr=0.01 batch_size=64`: each key, shortened as by `short_keys`, with its value."""
    names = short_keys(values)
    return " ".join(f"{name}={short(value)}" for name, value in zip(names, values.values(), strict=True))


def short_keys(keys: Iterable[str]) -> list[str]:
    """`lr` for `optimizer.lr`: the last word of each key, or the one before a last `name`; full keys if two clash."""
    paths = [key.split(".") for key in keys]
    names = [path[-2] if path[-1] == "name" and len(path) > 1 else path[-1] for path in paths]
    if len(set(names)) < len(names):  # optimizer.lr and another lr
        return [".".join(path) for path in paths]
    return names


def differences(first: Recipe, second: Recipe) -> dict[str, tuple[Any, Any]]:
    """The keys in which two recipes differ, `optimizer.lr`, with both values; name, seed and reported do not count."""
    before, after = (
        flatten(recipe.model_dump(mode="json", exclude={"name", "seed", "reported"})) for recipe in (first, second)
    )
    return {key: (before.get(key), after.get(key)) for key in {**before, **after} if before.get(key) != after.get(key)}


def short(value: Any) -> str:
    """A value as a word: `sgd:0.9` for a section, `flip+crop 2` for a list."""
    if isinstance(value, Mapping):
        return ":".join(map(short, value.values()))
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "+".join(map(short, value)) or "none"
    return str(value)
