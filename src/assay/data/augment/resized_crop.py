"""The random resized crop of whole batches: a part of each image, brought to one size without aliasing."""

import torch
from torch import Generator, Tensor

from assay.data.augment.boxes import Boxes, draw
from assay.data.augment.step import Step

ASPECT = (3 / 4, 4 / 3)


def random_resized_crop(side: int, area: tuple[float, float]) -> Step:
    """A random part of each image, `area` of it, 3:4 to 4:3, as `side` x `side` pixels (Szegedy et al. 2015).

    As torchvision's RandomResizedCrop with antialias. Where ten draws found none that fits, the largest centered part
    of such an aspect.
    """

    def step(pixels: Tensor, indices: Tensor, epoch: int, generator: Generator) -> Tensor:
        height, width = pixels.shape[2:]
        boxes, found = draw(len(pixels), (height, width), area, ASPECT, generator)
        return resize(pixels, _centered_unless(found, boxes, height, width), side)

    return step


def resize(pixels: Tensor, boxes: Boxes, side: int) -> Tensor:
    """The boxes of the images (N, C, H, W), bilinear and antialiased as Pillow does it, float32 (N, C, side, side).

    A triangle that widens with the reduction, cut off at the box, as weights of rows and of columns: two products of
    matrices for a whole batch.
    """
    n, channels, height, width = pixels.shape
    rows = _weights(boxes.top, boxes.height, height, side).to(pixels.device)
    columns = _weights(boxes.left, boxes.width, width, side).to(pixels.device)
    tall = rows @ pixels.transpose(1, 2).reshape(n, height, channels * width)
    seen = tall.view(n, side * channels, width) @ columns.mT
    return seen.view(n, side, channels, side).transpose(1, 2).clamp_(0, 1)


def _weights(start: Tensor, length: Tensor, size: int, side: int) -> Tensor:
    """How much each of `size` pixels counts for each of `side` new ones, float32 (N, side, size); rows sum to 1."""
    start, length = start.view(-1, 1, 1), length.view(-1, 1, 1)
    scale = length / side
    center = (torch.arange(side, device=start.device)[:, None] + 0.5) * scale + start
    place = torch.arange(size, device=start.device) + 0.5
    weights = (1 - (place - center).abs() / scale.clamp_min(1)).clamp_min(0)
    weights = weights * ((place > start) & (place < start + length))
    return weights / weights.sum(2, keepdim=True)


def _centered_unless(found: Tensor, boxes: Boxes, height: int, width: int) -> Boxes:
    down = min(height, round(width / ASPECT[0]))
    right = min(width, round(height * ASPECT[1]))
    whole = ((height - down) // 2, (width - right) // 2, down, right)
    drawn = (boxes.top, boxes.left, boxes.height, boxes.width)
    return Boxes(*(one.where(found, one.new_tensor(other)) for one, other in zip(drawn, whole, strict=True)))
