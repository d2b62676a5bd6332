"""Augmentation of whole batches: one line each (`flip`, `crop 4`), on pixels in [0, 1], on any device, training only.

The words rotate, shift, zoom and channel-shift mean what Keras's ImageDataGenerator means by them. Every random number
comes from the generator that is passed.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, replace

import torch
from torch import Generator, Tensor

from assay.core.errors import UsageError
from assay.core.registry import Registry
from assay.data.augment.affine import Affine
from assay.data.augment.erasing import cutout, random_erasing
from assay.data.augment.flip_crop import Moves, alternating_flip, crop, flip, window
from assay.data.augment.mixup import Mixing, cutmix, mixup
from assay.data.augment.randaugment import MOST, randaugment
from assay.data.augment.resized_crop import random_resized_crop
from assay.data.augment.step import Step, uniform


@dataclass(frozen=True)
class Augment:
    """The lines of a recipe, ready to use; without lines it changes nothing."""

    steps: tuple[Step, ...] = ()
    mix: Mixing = field(default_factory=Mixing)  # what comes after all steps, and changes the labels too

    @classmethod
    def parse(cls, lines: Sequence[str]) -> "Augment":
        """Read lines such as `crop 4 reflect`; they act in the order given.

        rotate, shift and zoom become one affine transform, in Keras's order, at the place of the first of them; mixup
        and cutmix must come last.
        Raises UsageError with the number of the faulty line in `at`.
        """
        steps: list[Step] = []
        mix = Mixing()
        for i, line in enumerate(lines):
            try:
                found = _parse(line)
                if isinstance(found, Mixing):
                    mix = Mixing(mix.ways + found.ways)
                elif mix.ways:
                    raise UsageError(f"'{line}' comes after an image was mixed; put mixup and cutmix last")
                else:
                    _add(steps, found)
            except UsageError as error:
                raise UsageError(str(error), at=(i,)) from None
        return cls(tuple(steps), mix)

    def __call__(self, pixels: Tensor, indices: Tensor, epoch: int, generator: Generator) -> Tensor:
        """A new view of each image: float32 (N, C, H, W) in [0, 1] to the same, or to another size (`window`).

        indices: int64 (N,), which image of the training set each is (alternating-flip remembers it); epoch counts
        from 0. Raises UsageError for an image too small for a line.
        """
        for step in self.steps:
            pixels = step(pixels, indices, epoch, generator)
        return pixels

    def shape(self, shape: tuple[int, int, int], epoch: int) -> tuple[int, int, int]:
        """The shape (C, H, W) that images of `shape` have in this epoch. Raises UsageError as a call does."""
        one = self(torch.zeros(1, *shape), torch.zeros(1, dtype=torch.int64), epoch, Generator())
        return (one.shape[1], one.shape[2], one.shape[3])


def channel_shift(reach: float) -> Step:
    """Add one number from [-reach, reach] to all channels of an image, clipped to that image's own range (Keras)."""

    def step(pixels: Tensor, indices: Tensor, epoch: int, generator: Generator) -> Tensor:
        amount = uniform(len(pixels), -reach, reach, generator).to(pixels.device).view(-1, 1, 1, 1)
        low, high = pixels.amin((1, 2, 3), keepdim=True), pixels.amax((1, 2, 3), keepdim=True)
        return (pixels + amount).clamp(low, high)

    return step


def _add(steps: list[Step], step: Step) -> None:
    """Append a step; an affine one joins the affine step that is there already, a move the moves right before it."""
    if isinstance(step, Moves) and steps and isinstance(steps[-1], Moves):
        steps[-1] = Moves(steps[-1].lines + step.lines)
        return
    place = next((i for i, other in enumerate(steps) if isinstance(other, Affine)), None)
    if not isinstance(step, Affine) or place is None:
        steps.append(step)
        return
    there = steps[place]
    given = {field.name: value for field in fields(step) if (value := getattr(step, field.name)) is not None}
    if twice := [name for name in given if getattr(there, name) is not None]:
        raise UsageError(f"'{twice[0]}' is given twice")
    steps[place] = replace(there, **given)  # type: ignore[type-var]


# The language of the lines: each word with the form that its line must have.

_WORDS: Registry[tuple[str, Callable[[list[str]], Step | Mixing]]] = Registry("augmentation")


def _parse(line: str) -> Step | Mixing:
    word, *arguments = line.split() or [""]
    form, build = _WORDS[word]
    try:
        return build(arguments)
    except ValueError:
        raise UsageError(f"'{line}' does not follow the form: {form}") from None


def _number(arguments: list[str], low: float, high: float) -> float:
    """The one argument, in (low, high]. Raises ValueError."""
    (text,) = arguments
    value = float(text)
    if not (low < value <= high and math.isfinite(value)):
        raise ValueError(text)
    return value


def _pixels(arguments: list[str]) -> int:
    (text,) = arguments
    if int(text) < 1:
        raise ValueError(text)
    return int(text)


def _crop(arguments: list[str]) -> Step:
    pad, *mode = arguments
    if mode not in ([], ["reflect"], ["zero"]):
        raise ValueError(mode)
    return Moves((crop(_pixels([pad]), zero=mode == ["zero"]),))


def _window(arguments: list[str]) -> Step:
    side, word, epochs = arguments
    if word != "epochs":
        raise ValueError(word)
    return Moves((window(_pixels([side]), _pixels([epochs])),))


def _zoom(arguments: list[str]) -> Step:
    low, high = (_number([text], 0, 10) for text in arguments)
    if low > high:
        raise ValueError(arguments)
    return Affine(zoom=(low, high))


def _resized_crop(arguments: list[str]) -> Step:
    side, *area = arguments
    low, high = (_number([text], 0, 1) for text in area or ("0.08", "1"))
    if low > high:
        raise ValueError(arguments)
    return random_resized_crop(_pixels([side]), (low, high))


def _randaugment(arguments: list[str]) -> Step:
    count, magnitude = (int(text) for text in arguments)
    if count < 1 or not 0 <= magnitude <= MOST:
        raise ValueError(arguments)
    return randaugment(count, magnitude)


def _bare(step: Step) -> Callable[[list[str]], Step]:
    def build(arguments: list[str]) -> Step:
        if arguments:
            raise ValueError(arguments)
        return step

    return build


_WORDS.add("flip")(("flip", _bare(Moves((flip,)))))
_WORDS.add("alternating-flip")(("alternating-flip", _bare(Moves((alternating_flip,)))))
_WORDS.add("crop")(("crop PIXELS [reflect|zero]", _crop))
_WORDS.add("translate")(("translate PIXELS", lambda words: Moves((crop(_pixels(words), zero=True),))))
_WORDS.add("window")(("window PIXELS epochs N, smaller images in the first N epochs", _window))
_WORDS.add("rotate")(("rotate DEGREES, up to 180", lambda words: Affine(rotate=_number(words, 0, 180))))
_WORDS.add("zoom")(("zoom LOW HIGH, factors above 0, below 1 enlarges", _zoom))
_WORDS.add("shift")(("shift FRACTION, of the image's size, up to 1", lambda words: Affine(shift=_number(words, 0, 1))))
_WORDS.add("channel-shift")(
    ("channel-shift AMOUNT, of pixels in [0, 1]", lambda words: channel_shift(_number(words, 0, 1)))
)
_WORDS.add("cutout")(("cutout PIXELS", lambda words: cutout(_pixels(words))))
_WORDS.add("random-resized-crop")(
    ("random-resized-crop PIXELS [LOW HIGH], areas from 0.08 to 1 of the image's if none are given", _resized_crop)
)
_WORDS.add("randaugment")((f"randaugment COUNT MAGNITUDE, from 0 to {MOST}", _randaugment))
_WORDS.add("random-erasing")(("random-erasing PROBABILITY", lambda words: random_erasing(_number(words, 0, 1))))
_WORDS.add("mixup")(("mixup ALPHA, of Beta(ALPHA, ALPHA)", lambda words: Mixing((mixup(_number(words, 0, 100)),))))
_WORDS.add("cutmix")(("cutmix ALPHA, of Beta(ALPHA, ALPHA)", lambda words: Mixing((cutmix(_number(words, 0, 100)),))))
