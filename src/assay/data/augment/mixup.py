"""mixup and CutMix: two images become one, and their labels become class shares. Whole batches at once.

Mixing comes after all other lines, so that no image is a mixture of more than two.
"""

import numpy as np
import torch
from torch import Generator, Tensor

from assay.data.augment.boxes import Boxes
from assay.data.augment.registry import augmentation, parse_number
from assay.data.augment.step import Mask, Mixing, uniform


def mixup(alpha: float) -> Mask:
    """Keep the same share of every pixel, drawn per image from Beta(alpha, alpha) (Zhang et al. 2018)."""
    return lambda n, height, width, generator: beta(alpha, n, generator).view(-1, 1, 1, 1)


def cutmix(alpha: float) -> Mask:
    """Keep all but a rectangle around a random pixel, cut off at the edge (Yun et al. 2019).

    Before the cut its area is 1 - Beta(alpha, alpha) of the image's; it has the image's proportions. As in the paper's
    code each side is an even number of pixels, at most as long as drawn.
    """

    def mask(n: int, height: int, width: int, generator: Generator) -> Tensor:
        side = (1 - beta(alpha, n, generator)).sqrt()
        (top, down), (left, right) = (_draw_span(size, side, generator) for size in (height, width))
        return (~Boxes(top, left, down, right).inside(height, width)).float()

    return mask


def beta(alpha: float, n: int, generator: Generator) -> Tensor:
    """Draw n numbers from Beta(alpha, alpha), float32 on the generator's device.

    torch's Beta takes no generator, so numpy draws, seeded from ours.
    """
    seed = torch.randint(2**62, (), generator=generator, device=generator.device).item()
    values = np.random.default_rng(int(seed)).beta(alpha, alpha, n).astype(np.float32)
    return torch.from_numpy(values).to(generator.device)


def _draw_span(size: int, share: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
    """Start and length of share * size pixels around a random one, clipped to `size`; int64 (N,)."""
    half = (share * size).long() // 2
    center = uniform(len(share), 0, size, generator).long()
    start, end = (center - half).clamp_min(0), (center + half).clamp_max(size)
    return start, end - start


@augmentation("mixup", form="mixup ALPHA, of Beta(ALPHA, ALPHA)")
def _build_mixup(alpha: str) -> Mixing:
    return Mixing((mixup(parse_number(alpha, 0, 100)),))


@augmentation("cutmix", form="cutmix ALPHA, of Beta(ALPHA, ALPHA)")
def _build_cutmix(alpha: str) -> Mixing:
    return Mixing((cutmix(parse_number(alpha, 0, 100)),))
