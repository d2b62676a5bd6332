"""Geometry of whole batches: one affine transform an image, in Keras's order and direction, resampled once."""

from dataclasses import dataclass

import torch
from torch import Generator, Tensor
from torch.nn import functional

from assay.data.augment.step import uniform


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
    """Rotation @ shift @ zoom, float32 (N, 2, 3), in (row, column) pixels about the image's center, output to input.

    Each argument is (N,): radians, pixels, pixels, factors (below 1 enlarges). This is the order and the direction of
    Keras's `apply_affine_transform`.
    """
    cos, sin = theta.cos(), theta.sin()
    rows = torch.stack([cos * zoom_down, -sin * zoom_right, cos * down - sin * right], 1)
    columns = torch.stack([sin * zoom_down, cos * zoom_right, sin * down + cos * right], 1)
    return torch.stack([rows, columns], 1)


def transform(pixels: Tensor, matrix: Tensor) -> Tensor:
    """Resample (N, C, H, W), bilinear, edge pixels continued: output pixel p shows input pixel matrix @ (p, 1).

    matrix: (N, 2, 3) as of `keras_matrix`; the center is at (H / 2 - 0.5, W / 2 - 0.5), as in Keras since 2.4.
    """
    height, width = pixels.shape[2:]
    m = matrix.to(pixels.device)
    # affine_grid counts in half images, x (columns) before y (rows)
    x = torch.stack([m[:, 1, 1], m[:, 1, 0] * height / width, m[:, 1, 2] * 2 / width], 1)
    y = torch.stack([m[:, 0, 1] * width / height, m[:, 0, 0], m[:, 0, 2] * 2 / height], 1)
    grid = functional.affine_grid(torch.stack([x, y], 1), list(pixels.shape), align_corners=False)
    return functional.grid_sample(pixels, grid, mode="bilinear", padding_mode="border", align_corners=False)
