"""Augmentations that only move pixels: flips, crops and windows. Consecutive ones are merged and read once."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from assay.core.errors import UsageError
from assay.data.augment.registry import augmentation, parse_pixels
from assay.data.augment.step import Step, uniform

BatchSize = tuple[int, int, int]  # (N, H, W)
Source = tuple[Tensor, Tensor, Tensor | None]  # rows (N, h) and columns (N, w) to read; which are inside (N, h, w)
PixelMove = Callable[[BatchSize, Tensor, int, Generator], Source]


@dataclass(frozen=True)
class PixelMoves:
    """Several flips and crops in a row, composed first and then read in a single gather."""

    moves: tuple[PixelMove, ...]

    def __call__(self, pixels: Tensor, indices: Tensor, epoch: int, generator: Generator) -> Tensor:
        """Gather the pixels. Places outside the image are black."""
        n, channels, height, width = pixels.shape
        source = self.moves[0]((n, height, width), indices, epoch, generator)
        for move in self.moves[1:]:
            size = (n, source[0].shape[1], source[1].shape[1])
            source = _compose(source, move(size, indices, epoch, generator))
        rows, columns, inside = source
        places = (rows[:, :, None] * width + columns[:, None, :]).view(n, 1, -1)
        output = pixels.flatten(2).gather(2, places.expand(-1, channels, -1))
        output = output.view(n, channels, rows.shape[1], columns.shape[1])
        return output if inside is None else output * inside[:, None]


def _compose(first: Source, second: Source) -> Source:
    """Where the pixels come from when `second` reads the output of `first`."""
    rows, columns = first[0].gather(1, second[0]), first[1].gather(1, second[1])
    if first[2] is None:
        return rows, columns, second[2]
    wide = second[1][:, None, :].expand(-1, second[0].shape[1], -1)
    inside = first[2].gather(1, second[0][:, :, None].expand(-1, -1, first[2].shape[2])).gather(2, wide)
    return rows, columns, inside if second[2] is None else inside & second[2]


def flip(size: BatchSize, indices: Tensor, epoch: int, generator: Generator) -> Source:
    """Mirror each image left to right with probability 0.5."""
    return _mirror(size, (uniform(size[0], 0, 1, generator) < 0.5).to(indices.device))


def alternating_flip(size: BatchSize, indices: Tensor, epoch: int, generator: Generator) -> Source:
    """Mirror a random half in epoch 0, the other half in epoch 1, and so on in turn (Jordan 2024, airbench94).

    An image's half depends on its index alone, so each pair of epochs shows both of its sides.
    """
    return _mirror(size, (_hash_bit(indices) + epoch) % 2 == 1)


def crop(pad: int, zero: bool) -> PixelMove:
    """Pad each side by `pad` pixels (reflected or zero), then cut the original size out at a random position."""

    def move(size: BatchSize, indices: Tensor, epoch: int, generator: Generator) -> Source:
        n, height, width = size
        if pad >= min(height, width):
            raise UsageError(f"a shift by {pad} px needs images larger than {height} x {width} px")
        rows, rows_inside = _shift(_draw_offsets(n, pad, generator).to(indices.device), height)
        columns, columns_inside = _shift(_draw_offsets(n, pad, generator).to(indices.device), width)
        return rows, columns, rows_inside[:, :, None] & columns_inside[:, None, :] if zero else None

    return move


def window(side: int, epochs: int) -> PixelMove:
    """In the first `epochs` epochs, cut out a random square of `side` pixels to save compute; then use whole images.

    This is progressive resizing (Howard 2018) without the resizing, so objects keep their size.
    """

    def move(size: BatchSize, indices: Tensor, epoch: int, generator: Generator) -> Source:
        n, height, width = size
        if side > min(height, width):
            raise UsageError(f"a window of {side} px needs images of at least that size, not {height} x {width} px")
        down, right = (side, side) if epoch < epochs else (height, width)
        rows = _draw_stretch(n, height, down, generator, indices.device)
        columns = _draw_stretch(n, width, right, generator, indices.device)
        return rows, columns, None

    return move


def _draw_stretch(n: int, size: int, length: int, generator: Generator, device: torch.device) -> Tensor:
    """Consecutive places from a random start, int64 (N, length), within `size`."""
    start = torch.randint(size - length + 1, (n, 1), generator=generator, device=generator.device).to(device)
    return start + torch.arange(length, device=device)


def _mirror(size: BatchSize, mask: Tensor) -> Source:
    n, height, width = size
    forward = torch.arange(width, device=mask.device)
    columns = torch.where(mask[:, None], forward.flip(0), forward)
    return torch.arange(height, device=mask.device).expand(n, -1), columns, None


def _hash_bit(indices: Tensor) -> Tensor:
    """One well-mixed bit of each index: the first two rounds of splitmix64, in wrapping int64."""
    bits = indices * -0x61C8864680B583EB  # 2^64 / golden ratio, as a signed number
    bits = (bits ^ (bits >> 30)) * -0x40A7B892E31B1A47
    return (bits >> 33) & 1


def _draw_offsets(n: int, reach: int, generator: Generator) -> Tensor:
    return torch.randint(-reach, reach + 1, (n,), generator=generator, device=generator.device)


def _shift(offsets: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """The places an image reads when moved by `offsets`, (N, size), reflected at the edges, and which lie inside."""
    places = offsets[:, None] + torch.arange(size, device=offsets.device)
    reflection = places.abs()
    return torch.minimum(reflection, 2 * (size - 1) - reflection), (places >= 0) & (places < size)


@augmentation("flip", form="flip")
def _build_flip() -> Step:
    return PixelMoves((flip,))


@augmentation("alternating-flip", form="alternating-flip")
def _build_alternating_flip() -> Step:
    return PixelMoves((alternating_flip,))


@augmentation("crop", form="crop PIXELS [reflect|zero]")
def _build_crop(pad: str, mode: str = "reflect") -> Step:
    if mode not in ("reflect", "zero"):
        raise ValueError(mode)
    return PixelMoves((crop(parse_pixels(pad), zero=mode == "zero"),))


@augmentation("translate", form="translate PIXELS")
def _build_translate(reach: str) -> Step:
    return PixelMoves((crop(parse_pixels(reach), zero=True),))


@augmentation("window", form="window PIXELS epochs N, smaller images in the first N epochs")
def _build_window(side: str, unit: str, epochs: str) -> Step:
    if unit != "epochs":
        raise ValueError(unit)
    return PixelMoves((window(parse_pixels(side), parse_pixels(epochs)),))
