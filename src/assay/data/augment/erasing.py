"""Augmentation that covers part of each image: cutout and random erasing."""

import torch
from torch import Generator, Tensor

from assay.data.augment.boxes import draw_boxes
from assay.data.augment.registry import augmentation, parse_number, parse_pixels
from assay.data.augment.step import Step, uniform

AREA, ASPECT = (0.02, 0.4), (0.3, 1 / 0.3)  # Zhong et al. 2020, section 5.1


def cutout(side: int) -> Step:
    """Blacken a square of `side` pixels around a random pixel, cut off at the edge (DeVries and Taylor 2017)."""

    def step(pixels: Tensor, indices: Tensor, epoch: int, generator: Generator) -> Tensor:
        masks = []
        for size in pixels.shape[2:]:
            start = torch.randint(size, (len(pixels),), generator=generator, device=generator.device) - side // 2
            distance = torch.arange(size, device=pixels.device) - start.to(pixels.device)[:, None]
            masks.append((distance >= 0) & (distance < side))
        return pixels.masked_fill(masks[0][:, None, :, None] & masks[1][:, None, None, :], 0)

    return step


def random_erasing(probability: float) -> Step:
    """Fill a random rectangle of each image with noise, with the given probability (Zhong et al. 2020).

    Its area is 2 to 40 % of the image's, its aspect 0.3 to 1 / 0.3; every pixel gets a random color. The aspect is
    log-uniform, so that wide and tall rectangles are equally likely.
    """

    def step(pixels: Tensor, indices: Tensor, epoch: int, generator: Generator) -> Tensor:
        n, _, height, width = pixels.shape
        boxes, valid = draw_boxes(n, (height, width), AREA, ASPECT, generator)
        hit = valid & (uniform(n, 0, 1, generator) < probability)
        noise = torch.rand(pixels.shape, generator=generator, device=generator.device).to(pixels.device)
        return noise.where((boxes.inside(height, width) & hit.view(-1, 1, 1, 1)).to(pixels.device), pixels)

    return step


@augmentation("cutout", form="cutout PIXELS")
def _build_cutout(side: str) -> Step:
    return cutout(parse_pixels(side))


@augmentation("random-erasing", form="random-erasing PROBABILITY")
def _build_random_erasing(probability: str) -> Step:
    return random_erasing(parse_number(probability, 0, 1))
