"""Augmentation that covers a part of each image: cutout and random erasing."""

import torch
from torch import Generator, Tensor

from assay.data.augment.boxes import draw
from assay.data.augment.step import Step, uniform

AREA, ASPECT = (0.02, 0.4), (0.3, 1 / 0.3)  # Zhong et al. 2020, section 5.1


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


def random_erasing(probability: float) -> Step:
    """Fill a random rectangle of an image with noise, with that probability (Zhong et al. 2020).

    Its area is 2 to 40 % of the image's, its aspect 0.3 to 1 / 0.3; every pixel is a random color. The aspect is drawn
    log-uniformly, so that lying and standing rectangles are as likely.
    """

    def step(pixels: Tensor, indices: Tensor, epoch: int, generator: Generator) -> Tensor:
        n, _, height, width = pixels.shape
        boxes, found = draw(n, (height, width), AREA, ASPECT, generator)
        hit = found & (uniform(n, 0, 1, generator) < probability)
        noise = torch.rand(pixels.shape, generator=generator, device=generator.device).to(pixels.device)
        return noise.where((boxes.inside(height, width) & hit.view(-1, 1, 1, 1)).to(pixels.device), pixels)

    return step
