"""One random rectangle per image, for augmentations that crop or cover one."""

from dataclasses import dataclass
from math import log

import torch
from torch import Generator, Tensor

from assay.data.augment.step import uniform

TRIES = 10


@dataclass(frozen=True)
class Boxes:
    """One rectangle per image: first row, first column and sizes in pixels, int64 (N,) each."""

    top: Tensor
    left: Tensor
    height: Tensor
    width: Tensor

    def inside(self, height: int, width: int) -> Tensor:
        """Which pixels of images (height, width) lie inside, bool (N, 1, height, width)."""
        rows = _covers(self.top, self.height, height)
        return (rows[:, :, None] & _covers(self.left, self.width, width)[:, None, :])[:, None]


def draw_boxes(
    n: int, size: tuple[int, int], area: tuple[float, float], aspect: tuple[float, float], generator: Generator
) -> tuple[Boxes, Tensor]:
    """Draw rectangles within images of `size` (H, W). Returns them and which are valid, bool (N,).

    The area is a share of the image's, uniform in its range; the aspect (width over height) is log-uniform. The first
    of ten tries that fits is taken, at a uniform position; where none fits the rectangle is invalid. torchvision draws
    the same way for RandomResizedCrop and RandomErasing.
    """
    areas = uniform(n * TRIES, *area, generator).view(n, TRIES) * (size[0] * size[1])
    aspects = uniform(n * TRIES, log(aspect[0]), log(aspect[1]), generator).view(n, TRIES).exp()
    heights, widths = (areas / aspects).sqrt().round().long(), (areas * aspects).sqrt().round().long()
    fits = (heights > 0) & (heights <= size[0]) & (widths > 0) & (widths <= size[1])
    first = fits.int().argmax(1, keepdim=True)
    height, width = heights.gather(1, first)[:, 0], widths.gather(1, first)[:, 0]
    top, left = _draw_start(size[0] - height, generator), _draw_start(size[1] - width, generator)
    return Boxes(top, left, height, width), fits.any(1)


def _draw_start(room: Tensor, generator: Generator) -> Tensor:
    return (uniform(len(room), 0, 1, generator) * (room + 1)).long()


def _covers(start: Tensor, length: Tensor, size: int) -> Tensor:
    distance = torch.arange(size, device=start.device) - start[:, None]
    return (distance >= 0) & (distance < length[:, None])
