"""The registry of augmentations: put `@augmentation("cutout", form="cutout PIXELS")` above a function that builds one.

The function receives the words that follow the name, as strings. It returns a `Step` or a `Mixing`, and raises
ValueError for words that do not fit the form.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from inspect import signature
from typing import TypeVar

from assay.core.registry import Registry
from assay.data.augment.step import Mixing, Step

Build = TypeVar("Build", bound=Callable[..., Step | Mixing])


@dataclass(frozen=True)
class Augmentation:
    """One word of a recipe's `augment` lines.

    form: how its line is written, shown in error messages; build: makes the step from the words after the name.
    """

    form: str
    build: Callable[..., Step | Mixing]

    def __call__(self, arguments: list[str]) -> Step | Mixing:
        """Build the step. Raises ValueError for too many, too few or wrong arguments."""
        try:
            signature(self.build).bind(*arguments)
        except TypeError as error:
            raise ValueError(str(error)) from None
        return self.build(*arguments)


AUGMENTATIONS: Registry[Augmentation] = Registry("augmentation", modules=("assay.data.augment.*",))


def augmentation(name: str, form: str) -> Callable[[Build], Build]:
    """Decorator that registers a function as the augmentation `name`."""

    def register(build: Build) -> Build:
        AUGMENTATIONS.add(name)(Augmentation(form, build))
        return build

    return register


def parse_number(text: str, low: float, high: float) -> float:
    """A finite number in (low, high]. Raises ValueError."""
    value = float(text)
    if not (low < value <= high and math.isfinite(value)):
        raise ValueError(text)
    return value


def parse_pixels(text: str) -> int:
    """A whole number of pixels, at least 1. Raises ValueError."""
    value = int(text)
    if value < 1:
        raise ValueError(text)
    return value
