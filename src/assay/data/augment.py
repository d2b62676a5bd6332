"""Augmentation of whole batches: one line each (`flip`, `crop 4`), on pixels in [0, 1], on any device, training only.

The words rotate, shift, zoom and channel-shift mean what Keras's ImageDataGenerator means by them. Every random number
comes from the generator that is passed.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace

import torch
from torch import Generator, Tensor
from torch.nn import functional

from assay.data.moves import Moves, alternating_flip, crop, flip, uniform, window
from assay.errors import UsageError
from assay.registry import Registry

# (pixels float32 (N, C, H, W), indices int64 (N,), epoch, generator) -> pixels
Step = Callable[[Tensor, Tensor, int, Generator], Tensor]


@dataclass(frozen=True)
class Augment:
    """The lines of a recipe, ready to use; without lines it changes nothing."""

    steps: tuple[Step, ...] = ()

    @classmethod
    def parse(cls, lines: Sequence[str]) -> "Augment":
        """Read lines such as `crop 4 reflect`; they act in the order given.

        rotate, shift and zoom become one affine transform, in Keras's order, at the place of the first of them.
        Raises UsageError with the number of the faulty line in `at`.
        """
        steps: list[Step] = []
        for i, line in enumerate(lines):
            try:
                _add(steps, _parse(line))
            except UsageError as error:
                raise UsageError(str(error), at=(i,)) from None
        return cls(tuple(steps))

    def __call__(self, pixels: Tensor, indices: Tensor, epoch: int, generator: Generator) -> Tensor:
        """A new view of each image: float32 (N, C, H, W) in [0, 1] to the same, or to smaller ones (`window`).

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


@dataclass(frozen=True)
class Affine:
    """One random affine transform an image: rotation (degrees), shift (fraction of the size), zoom (two factors)."""

    rotate: float | None = None
    shift: float | None = None
    zoom: tuple[float, float] | None = None

    def __call__(self, pixels: Tensor, indices: Tensor, epoch: int, generator: Generator) -> Tensor:
        """Draw a matrix for each image and resample."""
        n, degrees, shift = len(pixels), self.rotate or 0.0, self.shift or 0.0
        theta = uniform(n, -degrees, degrees, generator).deg2rad()
        down = uniform(n, -shift, shift, generator) * pixels.shape[2]
        right = uniform(n, -shift, shift, generator) * pixels.shape[3]
        zoom_down, zoom_right = (uniform(n, *(self.zoom or (1.0, 1.0)), generator) for _ in range(2))
        return transform(pixels, keras_matrix(theta, down, right, zoom_down, zoom_right))


def keras_matrix(theta: Tensor, down: Tensor, right: Tensor, zoom_down: Tensor, zoom_right: Tensor) -> Tensor:
    """Rotation @ shift @ zoom, float32 (N, 2, 3), in (row, column) pixels about the image's centre, output to input.

    Each argument is (N,): radians, pixels, pixels, factors (below 1 enlarges). This is the order and the direction of
    Keras's `apply_affine_transform`.
    """
    cos, sin = theta.cos(), theta.sin()
    rows = torch.stack([cos * zoom_down, -sin * zoom_right, cos * down - sin * right], 1)
    columns = torch.stack([sin * zoom_down, cos * zoom_right, sin * down + cos * right], 1)
    return torch.stack([rows, columns], 1)


def transform(pixels: Tensor, matrix: Tensor) -> Tensor:
    """Resample (N, C, H, W), bilinear, edge pixels continued: output pixel p shows input pixel matrix @ (p, 1).

    matrix: (N, 2, 3) as of `keras_matrix`; the centre is at (H / 2 - 0.5, W / 2 - 0.5), as in Keras since 2.4.
    """
    height, width = pixels.shape[2:]
    m = matrix.to(pixels.device)
    # affine_grid counts in half images, x (columns) before y (rows)
    x = torch.stack([m[:, 1, 1], m[:, 1, 0] * height / width, m[:, 1, 2] * 2 / width], 1)
    y = torch.stack([m[:, 0, 1] * width / height, m[:, 0, 0], m[:, 0, 2] * 2 / height], 1)
    grid = functional.affine_grid(torch.stack([x, y], 1), list(pixels.shape), align_corners=False)
    return functional.grid_sample(pixels, grid, mode="bilinear", padding_mode="border", align_corners=False)


def channel_shift(reach: float) -> Step:
    """Add one number from [-reach, reach] to all channels of an image, clipped to that image's own range (Keras)."""

    def step(pixels: Tensor, indices: Tensor, epoch: int, generator: Generator) -> Tensor:
        amount = uniform(len(pixels), -reach, reach, generator).to(pixels.device).view(-1, 1, 1, 1)
        low, high = pixels.amin((1, 2, 3), keepdim=True), pixels.amax((1, 2, 3), keepdim=True)
        return (pixels + amount).clamp(low, high)

    return step


def cutout(side: int) -> Step:
    """Blacken a square of `side` pixels around a random pixel, cut off at the edge (DeVries and Taylor 2017)."""

    def step(pixels: Tensor, indices: Tensor, epoch: int, generator: Generator) -> Tensor:
        hidden = []
        for size in pixels.shape[2:]:
            start = torch.randint(size, (len(pixels),), generator=generator, device=generator.device) - side // 2
            distance = torch.arange(size, device=pixels.device) - start.to(pixels.device)[:, None]
            hidden.append((distance >= 0) & (distance < side))
        return pixels.masked_fill(hidden[0][:, None, :, None] & hidden[1][:, None, None, :], 0)

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

_WORDS: Registry[tuple[str, Callable[[list[str]], Step]]] = Registry("augmentation")


def _parse(line: str) -> Step:
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
