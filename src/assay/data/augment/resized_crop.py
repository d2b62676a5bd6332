"""The random resized crop: part of each image, resized to one size with antialiasing. Whole batches at once."""

import torch
from torch import Generator, Tensor

from assay.data.augment.boxes import Boxes, draw_boxes
from assay.data.augment.registry import augmentation, parse_number, parse_pixels
from assay.data.augment.step import Step

ASPECT = (3 / 4, 4 / 3)


def random_resized_crop(side: int, area: tuple[float, float]) -> Step:
    """Cut out a random part of each image and resize it to `side` x `side` pixels (Szegedy et al. 2015).

    area: range of the part's share of the image; its aspect is 3:4 to 4:3. Same as torchvision's RandomResizedCrop with
    antialias. If none of ten tries fits, the part is the largest centered one with an allowed aspect.
    """

    def step(pixels: Tensor, indices: Tensor, epoch: int, generator: Generator) -> Tensor:
        height, width = pixels.shape[2:]
        boxes, valid = draw_boxes(len(pixels), (height, width), area, ASPECT, generator)
        return resize(pixels, _replace_invalid(boxes, valid, height, width), side)

    return step


def resize(pixels: Tensor, boxes: Boxes, side: int) -> Tensor:
    """Resize the boxes of images (N, C, H, W), bilinear and antialiased like Pillow, to float32 (N, C, side, side).

    The filter is a triangle that widens with the reduction and stops at the box. Its row and column weights make two
    matrix products for the whole batch.
    """
    n, channels, height, width = pixels.shape
    rows = _weights(boxes.top, boxes.height, height, side).to(pixels.device)
    columns = _weights(boxes.left, boxes.width, width, side).to(pixels.device)
    tall = rows @ pixels.transpose(1, 2).reshape(n, height, channels * width)
    output = tall.view(n, side * channels, width) @ columns.mT
    return output.view(n, side, channels, side).transpose(1, 2).clamp_(0, 1)


def _weights(start: Tensor, length: Tensor, size: int, side: int) -> Tensor:
    """The weight of each of `size` pixels in each of `side` output pixels, float32 (N, side, size); rows sum to 1."""
    start, length = start.view(-1, 1, 1), length.view(-1, 1, 1)
    scale = length / side
    center = (torch.arange(side, device=start.device)[:, None] + 0.5) * scale + start
    place = torch.arange(size, device=start.device) + 0.5
    weights = (1 - (place - center).abs() / scale.clamp_min(1)).clamp_min(0)
    weights = weights * ((place > start) & (place < start + length))
    return weights / weights.sum(2, keepdim=True)


def _replace_invalid(boxes: Boxes, valid: Tensor, height: int, width: int) -> Boxes:
    """The boxes, with the largest centered one of an allowed aspect where they are invalid."""
    down = min(height, round(width / ASPECT[0]))
    right = min(width, round(height * ASPECT[1]))
    center = ((height - down) // 2, (width - right) // 2, down, right)
    sides = (boxes.top, boxes.left, boxes.height, boxes.width)
    return Boxes(*(side.where(valid, side.new_tensor(value)) for side, value in zip(sides, center, strict=True)))


@augmentation(
    "random-resized-crop",
    form="random-resized-crop PIXELS [LOW HIGH], areas from 0.08 to 1 of the image's if none are given",
)
def _build_random_resized_crop(side: str, *area: str) -> Step:
    low, high = (parse_number(text, 0, 1) for text in area or ("0.08", "1"))
    if low > high:
        raise ValueError(area)
    return random_resized_crop(parse_pixels(side), (low, high))
