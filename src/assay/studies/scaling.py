"""Recipes with a share of their work: epochs and training images are each multiplied by the root of that share."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt
from typing import Any

from assay.core.errors import UsageError
from assay.recipes.epochs import EpochCount, epoch_count
from assay.recipes.recipe import Recipe
from assay.recipes.schema import Section

_EPOCHS_IN_LINE = re.compile(r"(?<=\bepochs )\d+")  # of an augmentation: `window 24 epochs 4`


@dataclass(frozen=True)
class Scale:
    """share: of the work, in (0, 1]."""

    share: float

    def shorten(self, epochs: int) -> int:
        """A number of epochs, multiplied by the root of the share; at least 1, but 0 stays 0."""
        return max(1, round(epochs * sqrt(self.share))) if epochs else 0

    def recipe(self, recipe: Recipe, keep_epochs: bool = False) -> Recipe:
        """The recipe with a share of its work. Validation and test images stay complete.

        Every key that counts epochs is shortened: see `recipes/epochs.py`. keep_epochs: only the images get fewer.
        Raises UsageError if so few epochs are left that a stage of the training would be lost.
        """
        if self.share == 1:
            return recipe
        changes: dict[str, Any] = {"data.share": recipe.data.share * sqrt(self.share)}
        if not keep_epochs:
            changes |= _Shortening(self, recipe).changes()
        return recipe.override(changes)


@dataclass(frozen=True)
class _Shortening:
    """A recipe's counts of epochs, made shorter."""

    scale: Scale
    recipe: Recipe

    def changes(self) -> dict[str, Any]:
        """The changed keys with their new values."""
        changes = {key: self._shorten(key, value, mark) for key, value, mark in marked_keys(self.recipe)}
        if any(_EPOCHS_IN_LINE.search(line) for line in self.recipe.augment):
            changes["augment"] = [self._shorten_line(line) for line in self.recipe.augment]
        return changes

    def _shorten(self, key: str, value: Any, mark: EpochCount) -> Any:
        if isinstance(value, float):
            return value * sqrt(self.scale.share)
        if not isinstance(value, dict):
            return self._count(key, value, mark)
        shortened = {self._count(key, epoch, mark): entry for epoch, entry in value.items()}
        if len(shortened) < len(value):
            raise self._too_short(key)
        return shortened

    def _shorten_line(self, line: str) -> str:
        mark = EpochCount(ends_stage=True)
        return _EPOCHS_IN_LINE.sub(lambda match: str(self._count("augment", int(match[0]), mark)), line)

    def _count(self, key: str, epochs: int, mark: EpochCount) -> int:
        """A count that ends a stage of the run ends it before the end of the shorter run, too."""
        whole = self.recipe.training.epochs
        if not mark.ends_stage or not 0 < epochs < whole:
            return self.scale.shorten(epochs)
        if self.scale.shorten(whole) == 1:
            raise self._too_short(key)
        return min(self.scale.shorten(epochs), self.scale.shorten(whole) - 1)

    def _too_short(self, key: str) -> UsageError:
        whole = self.recipe.training.epochs
        short = self.scale.shorten(whole)
        return UsageError(
            f"at scale {self.scale.share:g}, {self.recipe.name} has {short} epoch{'s' if short > 1 else ''} instead of "
            f"{whole}, too few for the stages of {key}; choose a larger scale"
        )


def marked_keys(section: Section, prefix: str = "") -> Iterator[tuple[str, Any, EpochCount]]:
    """The keys of a section and of those in it that count epochs and have a value: dotted key, value and mark."""
    for name, field in type(section).model_fields.items():
        value, mark = getattr(section, name), epoch_count(field)
        if isinstance(value, Section):
            yield from marked_keys(value, f"{prefix}{name}.")
        elif mark and value:
            yield f"{prefix}{name}", value, mark
