"""Augmentation that only moves pixels: flips, crops and windows, each a line, read in one go however many there are."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from assay.core.errors import UsageError
from assay.data.augment.step import uniform

Shape = tuple[int, int, int]  # (N, H, W)
Move = tuple[Tensor, Tensor, Tensor | None]  # rows (N, h) and columns (N, w) to read, and which are inside (N, h, w)


@dataclass(frozen=True)
class Moves:
    """Flips and crops in a row: where each pixel is read, worked out for all of them, then read once."""

    lines: tuple[Callable[[Shape, Tensor, int, Generator], Move], ...]

    def __call__(self, pixels: Tensor, indices: Tensor, epoch: int, generator: Generator) -> Tensor:
        """Gather the pixels, black where a line reads outside of the image."""
        n, channels, height, width = pixels.shape
        rows, columns, inside = self.lines[0]((n, height, width), indices, epoch, generator)
        for line in self.lines[1:]:
            shape = (n, rows.shape[1], columns.shape[1])
            rows, columns, inside = _after((rows, columns, inside), line(shape, indices, epoch, generator))
        places = (rows[:, :, None] * width + columns[:, None, :]).view(n, 1, -1)
        moved = pixels.flatten(2).gather(2, places.expand(-1, channels, -1))
        moved = moved.view(n, channels, rows.shape[1], columns.shape[1])
        return moved if inside is None else moved * inside[:, None]


def _after(first: Move, then: Move) -> Move:
    """Both, the one on what the other left."""
    rows, columns = first[0].gather(1, then[0]), first[1].gather(1, then[1])
    if first[2] is None:
        return rows, columns, then[2]
    wide = then[1][:, None, :].expand(-1, then[0].shape[1], -1)
    inside = first[2].gather(1, then[0][:, :, None].expand(-1, -1, first[2].shape[2])).gather(2, wide)
    return rows, columns, inside if then[2] is None else inside & then[2]


def flip(shape: Shape, indices: Tensor, epoch: int, generator: Generator) -> Move:
    """Mirror each image left to right with probability 0.5."""
    return _mirrored(shape, (uniform(shape[0], 0, 1, generator) < 0.5).to(indices.device))


def alternating_flip(shape: Shape, indices: Tensor, epoch: int, generator: Generator) -> Move:
    """Mirror a random half in epoch 0, the other half in epoch 1, and so on in turn (Jordan 2024, airbench94).

    Which half an image is in follows from its index alone, so that each pair of epochs shows both of its sides.
    """
    return _mirrored(shape, (_hashed_bit(indices) + epoch) % 2 == 1)


def crop(pad: int, zero: bool) -> Callable[[Shape, Tensor, int, Generator], Move]:
    """Pad each side by `pad` pixels (reflected or zero) and cut the old size out of a random place."""

    def move(shape: Shape, indices: Tensor, epoch: int, generator: Generator) -> Move:
        n, height, width = shape
        if pad >= min(height, width):
            raise UsageError(f"a shift by {pad} px needs images larger than {height} x {width} px")
        rows, rows_inside = _window(_offsets(n, pad, generator).to(indices.device), height)
        columns, columns_inside = _window(_offsets(n, pad, generator).to(indices.device), width)
        return rows, columns, rows_inside[:, :, None] & columns_inside[:, None, :] if zero else None

    return move


def window(side: int, epochs: int) -> Callable[[Shape, Tensor, int, Generator], Move]:
    """In the first `epochs` epochs a random square of `side` pixels, which is less to compute; then whole images.

    Training that starts on small images: progressive resizing (Howard 2018), here without resizing, so that things
    keep their size.
    """

    def move(shape: Shape, indices: Tensor, epoch: int, generator: Generator) -> Move:
        n, height, width = shape
        if side > min(height, width):
            raise UsageError(f"a window of {side} px needs images of at least that size, not {height} x {width} px")
        down, right = (side, side) if epoch < epochs else (height, width)
        rows, columns = (
            torch.randint(size - cut + 1, (n, 1), generator=generator, device=generator.device).to(indices.device)
            + torch.arange(cut, device=indices.device)
            for size, cut in ((height, down), (width, right))
        )
        return rows, columns, None

    return move


def _mirrored(shape: Shape, which: Tensor) -> Move:
    n, height, width = shape
    forward = torch.arange(width, device=which.device)
    columns = torch.where(which[:, None], forward.flip(0), forward)
    return torch.arange(height, device=which.device).expand(n, -1), columns, None


def _hashed_bit(indices: Tensor) -> Tensor:
    """One well-mixed bit of each index: splitmix64's first two rounds, in int64 that wraps."""
    mixed = indices * -0x61C8864680B583EB  # 2^64 / golden ratio, as a signed number
    mixed = (mixed ^ (mixed >> 30)) * -0x40A7B892E31B1A47
    return (mixed >> 33) & 1


def _offsets(n: int, reach: int, generator: Generator) -> Tensor:
    return torch.randint(-reach, reach + 1, (n,), generator=generator, device=generator.device)


def _window(offsets: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Where a window moved by the offsets reads, (N, size), reflected at the edges, and which places lie inside."""
    moved = offsets[:, None] + torch.arange(size, device=offsets.device)
    reflected = moved.abs()
    return torch.minimum(reflected, 2 * (size - 1) - reflected), (moved >= 0) & (moved < size)
