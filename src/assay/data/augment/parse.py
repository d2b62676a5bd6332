"""Reading a recipe's `augment` lines (`flip`, `crop 4`) and applying them to whole batches, in training only.

Pixels are in [0, 1], on any device. Every random number comes from the generator that you pass.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from math import prod

import torch
from torch import Generator, Tensor

from assay.core.errors import UsageError
from assay.data.augment.affine import Affine
from assay.data.augment.flip_crop import PixelMoves
from assay.data.augment.registry import AUGMENTATIONS
from assay.data.augment.step import Mixing, Step
from assay.data.imageset import ImageShape


@dataclass(frozen=True)
class Augment:
    """The parsed lines of a recipe; without lines it changes nothing."""

    steps: tuple[Step, ...] = ()
    mix: Mixing = field(default_factory=Mixing)  # runs after all steps, and changes the labels too

    @classmethod
    def parse(cls, lines: Sequence[str]) -> "Augment":
        """Read lines such as `crop 4 reflect`. They run in the order given.

        rotate, shift and zoom become one affine transform, in Keras's order, at the position of the first of them.
        mixup and cutmix must come last. Raises UsageError with the number of the faulty line in `at`.
        """
        steps: list[Step] = []
        mix = Mixing()
        for number, line in enumerate(lines):
            try:
                mix = _add_line(line, steps, mix)
            except UsageError as error:
                raise UsageError(str(error), at=(number,)) from None
        return cls(tuple(steps), mix)

    def __call__(self, pixels: Tensor, indices: Tensor, epoch: int, generator: Generator) -> Tensor:
        """Draw a new view of each image, float32 (N, C, H, W) in [0, 1]. The size may change (`window`).

        indices: int64 (N,), each image's position in the training set (alternating-flip needs it); epoch counts from 0.
        Raises UsageError for images too small for a line.
        """
        for step in self.steps:
            pixels = step(pixels, indices, epoch, generator)
        return pixels

    def shape(self, shape: ImageShape, epoch: int) -> ImageShape:
        """The shape (C, H, W) that images of `shape` have in this epoch. Raises UsageError like a call."""
        view = self(torch.zeros(1, *shape), torch.zeros(1, dtype=torch.int64), epoch, Generator())
        return (view.shape[1], view.shape[2], view.shape[3])

    def epoch_cost(self, shape: ImageShape, epoch: int) -> float:
        """The pixels of this epoch's images relative to images of `shape`: below 1 while there is a window."""
        return prod(self.shape(shape, epoch)) / prod(shape)


def _add_line(line: str, steps: list[Step], mix: Mixing) -> Mixing:
    """Append the line's step to `steps`, or return the mixing with the line's mask."""
    step = _build(line)
    if isinstance(step, Mixing):
        return Mixing(mix.masks + step.masks)
    if mix.masks:
        raise UsageError(f"'{line}' comes after an image was mixed; put mixup and cutmix last")
    _add_step(steps, step)
    return mix


def _build(line: str) -> Step | Mixing:
    name, *arguments = line.split() or [""]
    augmentation = AUGMENTATIONS[name]
    try:
        return augmentation(arguments)
    except ValueError:
        raise UsageError(f"'{line}' does not follow the form: {augmentation.form}") from None


def _add_step(steps: list[Step], step: Step) -> None:
    """Append a step. Affine steps merge into the first affine step, pixel moves into pixel moves right before them."""
    if isinstance(step, PixelMoves) and steps and isinstance(steps[-1], PixelMoves):
        steps[-1] = PixelMoves(steps[-1].moves + step.moves)
        return
    affine = next((i for i, earlier in enumerate(steps) if isinstance(earlier, Affine)), None)
    if isinstance(step, Affine) and affine is not None:
        steps[affine] = _merge(steps[affine], step)  # type: ignore[arg-type]
    else:
        steps.append(step)


def _merge(first: Affine, second: Affine) -> Affine:
    """One affine transform from two that set different fields. Raises UsageError for a field set by both."""
    values = {key.name: getattr(second, key.name) for key in fields(second)}
    values = {name: value for name, value in values.items() if value is not None}
    for name in values:
        if getattr(first, name) is not None:
            raise UsageError(f"'{name}' is given twice")
    return replace(first, **values)
