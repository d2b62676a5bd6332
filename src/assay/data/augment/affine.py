"""Rotation, shift and zoom: one affine transform per image, in Keras's order and direction, resampled once.

The words rotate, shift and zoom mean the same as in Keras's ImageDataGenerator.
"""

from dataclasses import dataclass

import torch
from torch import Generator, Tensor
from torch.nn import functional

from assay.data.augment.registry import augmentation, parse_number
from assay.data.augment.step import Step, uniform


@dataclass(frozen=True)
class Affine:
    """One random affine transform per image: rotation (degrees), shift (fraction of the size), zoom (two factors)."""

    rotate: float | None = None
    shift: float | None = None
    zoom: tuple[float, float] | None = None

    def __call__(self, pixels: Tensor, indices: Tensor, epoch: int, generator: Generator) -> Tensor:
        """Draw a matrix per image and resample."""
        n, degrees, shift = len(pixels), self.rotate or 0.0, self.shift or 0.0
        theta = uniform(n, -degrees, degrees, generator).deg2rad()
        down = uniform(n, -shift, shift, generator) * pixels.shape[2]
        right = uniform(n, -shift, shift, generator) * pixels.shape[3]
        zoom_down, zoom_right = (uniform(n, *(self.zoom or (1.0, 1.0)), generator) for _ in range(2))
        return transform(pixels, keras_matrix(theta, down, right, zoom_down, zoom_right))


def keras_matrix(theta: Tensor, down: Tensor, right: Tensor, zoom_down: Tensor, zoom_right: Tensor) -> Tensor:
    """Rotation @ shift @ zoom, float32 (N, 2, 3), in (row, column) pixels about the image's center, output to input.

    Each argument is (N,): radians, pixels, pixels, factors (below 1 enlarges). Order and direction match Keras's
    `apply_affine_transform`.
    """
    cos, sin = theta.cos(), theta.sin()
    rows = torch.stack([cos * zoom_down, -sin * zoom_right, cos * down - sin * right], 1)
    columns = torch.stack([sin * zoom_down, cos * zoom_right, sin * down + cos * right], 1)
    return torch.stack([rows, columns], 1)


def transform(pixels: Tensor, matrix: Tensor) -> Tensor:
    """Resample (N, C, H, W), bilinear, with edge pixels repeated: output pixel p shows input pixel matrix @ (p, 1).

    matrix: (N, 2, 3), see `keras_matrix`; the center is at (H / 2 - 0.5, W / 2 - 0.5), as in Keras since 2.4.
    """
    height, width = pixels.shape[2:]
    m = matrix.to(pixels.device)
    # affine_grid counts in half images, x (columns) before y (rows)
    x = torch.stack([m[:, 1, 1], m[:, 1, 0] * height / width, m[:, 1, 2] * 2 / width], 1)
    y = torch.stack([m[:, 0, 1] * width / height, m[:, 0, 0], m[:, 0, 2] * 2 / height], 1)
    grid = functional.affine_grid(torch.stack([x, y], 1), list(pixels.shape), align_corners=False)
    return functional.grid_sample(pixels, grid, mode="bilinear", padding_mode="border", align_corners=False)


@augmentation("rotate", form="rotate DEGREES, up to 180")
def _build_rotate(degrees: str) -> Step:
    return Affine(rotate=parse_number(degrees, 0, 180))


@augmentation("zoom", form="zoom LOW HIGH, factors above 0, below 1 enlarges")
def _build_zoom(low: str, high: str) -> Step:
    factors = (parse_number(low, 0, 10), parse_number(high, 0, 10))
    if factors[0] > factors[1]:
        raise ValueError(low)
    return Affine(zoom=factors)


@augmentation("shift", form="shift FRACTION, of the image's size, up to 1")
def _build_shift(fraction: str) -> Step:
    return Affine(shift=parse_number(fraction, 0, 1))
