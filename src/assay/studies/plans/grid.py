"""Plans over a space of hyperparameters: the whole grid, or random draws from it."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import product
from math import prod
from typing import Annotated, Any, Self

import numpy as np
from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from assay.core.errors import UsageError
from assay.recipes.recipe import Recipe
from assay.studies.plans.base import MAX_VARIANTS, Plan, Prepare, plan
from assay.studies.scaling import Scale
from assay.studies.variant import Scores, Variant, label


class Space(Plan):
    """Some recipe keys with the values to try."""

    over: Annotated[dict[str, Annotated[list[Any], Field(min_length=1)]], Field(min_length=1)]

    @model_validator(mode="after")
    def _no_value_twice(self) -> Self:
        for key, values in self.over.items():
            if len({repr(value) for value in values}) < len(values):
                raise ValueError(f"{key}: a value is listed twice")
        return self

    def scaled_variants(self, base: Recipe, prepare: Prepare, scores: Scores, scale: Scale) -> list[Variant]:
        """The cells with a share of their work. Where the number of epochs is what varies, it stays as written."""
        variants, keep_epochs = self.variants(base, prepare, scores), "training.epochs" in self.over
        return [replace(variant, recipe=scale.recipe(variant.recipe, keep_epochs)) for variant in variants]

    @property
    def cells(self) -> int:
        """The number of combinations."""
        return prod(map(len, self.over.values()))

    def cell(self, base: Recipe, values: Mapping[str, Any]) -> Variant:
        """The variant of one combination."""
        return Variant(label(values), base.override({**values, "reported": None}), values=values)


@plan("grid")
class Grid(Space):
    """Every combination of the values of some keys."""

    def variants(self, base: Recipe, prepare: Prepare, scores: Scores) -> list[Variant]:
        """All cells, the last key changing fastest. Raises UsageError for more than MAX_VARIANTS."""
        if self.cells > MAX_VARIANTS:
            raise UsageError(
                f"plan: the grid has {self.cells:,} cells, and a study runs at most {MAX_VARIANTS:,}; "
                "draw some of them with name: random"
            )
        return [self.cell(base, dict(zip(self.over, values, strict=True))) for values in product(*self.over.values())]


class Draws(Space):
    """Random combinations without repeats; all of them where the space has no more than `draws`."""

    draws: Annotated[PositiveInt, Field(le=MAX_VARIANTS)]
    seed: NonNegativeInt = 0

    def draw_values(self) -> list[dict[str, Any]]:
        """The combinations in the order in which they are drawn."""
        sizes = [len(values) for values in self.over.values()]
        rng, cells = np.random.default_rng(self.seed), dict[int, None]()
        while len(cells) < min(self.draws, self.cells):
            cells.setdefault(int(rng.integers(self.cells)))
        places = (np.unravel_index(cell, sizes) for cell in cells)
        return [{key: values[i] for (key, values), i in zip(self.over.items(), place, strict=True)} for place in places]


@plan("random")
class Random(Draws):
    """Random draws, all of them trained to the end."""

    def variants(self, base: Recipe, prepare: Prepare, scores: Scores) -> list[Variant]:
        """The draws."""
        return [self.cell(base, values) for values in self.draw_values()]
