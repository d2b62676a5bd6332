"""Mixing: two images become one, and their labels become shares of the classes (mixup, CutMix), whole batches at once.

It acts on images that all other lines are done with, so that no net sees more than two images in one.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Generator, Tensor
from torch.nn.functional import one_hot

from assay.data.augment.boxes import Boxes
from assay.data.augment.step import uniform

# (N, H, W), generator -> how much of each pixel is the image's own, float32 (N, 1, H, W), or (N, 1, 1, 1) for all alike
Mask = Callable[[int, int, int, Generator], Tensor]


@dataclass(frozen=True)
class Mixing:
    """How images are mixed; of several ways each image takes one by chance. Without any it changes nothing."""

    ways: tuple[Mask, ...] = ()

    def __call__(self, pixels: Tensor, labels: Tensor, classes: int, generator: Generator) -> tuple[Tensor, Tensor]:
        """Each image (N, C, H, W) mixed with another of the batch; its target, float32 (N, classes), sums to 1.

        labels: int64 (N,). A class's share is the share of the pixels that come from its image.
        """
        if not self.ways:
            return pixels, labels
        n, _, height, width = pixels.shape
        own = self._mask(n, height, width, generator).to(pixels.device)
        other = torch.randperm(n, generator=generator, device=generator.device).to(pixels.device)
        share = own.mean((1, 2, 3))[:, None]
        targets = one_hot(labels, classes).float()
        return pixels[other].lerp(pixels, own), targets[other].lerp(targets, share)

    def _mask(self, n: int, height: int, width: int, generator: Generator) -> Tensor:
        masks = [way(n, height, width, generator) for way in self.ways]
        chosen = torch.randint(len(masks), (n,), generator=generator, device=generator.device).view(-1, 1, 1, 1)
        mask = masks[0]
        for number, other in enumerate(masks[1:], start=1):
            mask = other.where(chosen == number, mask)
        return mask


def mixup(alpha: float) -> Mask:
    """The same share of every pixel, drawn for each image from Beta(alpha, alpha) (Zhang et al. 2018)."""
    return lambda n, height, width, generator: beta(alpha, n, generator).view(-1, 1, 1, 1)


def cutmix(alpha: float) -> Mask:
    """All but a rectangle around a random pixel, cut off at the edge (Yun et al. 2019).

    1 - Beta(alpha, alpha) of the image's area before the cut; its sides have the proportions of the image's.
    """

    def mask(n: int, height: int, width: int, generator: Generator) -> Tensor:
        side = (1 - beta(alpha, n, generator)).sqrt()
        (top, down), (left, right) = (_span(size, side, generator) for size in (height, width))
        return (~Boxes(top, left, down, right).inside(height, width)).float()

    return mask


def beta(alpha: float, n: int, generator: Generator) -> Tensor:
    """n numbers from Beta(alpha, alpha), float32 on the generator's device.

    torch's own Beta takes no generator; numpy's gets its seed from ours.
    """
    seed = torch.randint(2**62, (), generator=generator, device=generator.device).item()
    drawn = np.random.default_rng(int(seed)).beta(alpha, alpha, n).astype(np.float32)
    return torch.from_numpy(drawn).to(generator.device)


def _span(size: int, share: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
    """First place and length of a stretch of share * size pixels around a random one, within `size`; int64 (N,)."""
    length = (share * size).long()
    start = (uniform(len(share), 0, size, generator)).long() - length // 2
    end = (start + length).clamp_max(size)
    start = start.clamp_min(0)
    return start, end - start
