"""Weather by formula, without pictures of it: snow, frost, fog, bright light."""

import torch
from torch import Generator, Tensor

from assay.data.augment.step import uniform
from assay.data.corruptions.blurs import along, enlarged
from assay.data.corruptions.scale import scale

_SNOW = (
    (0.10, 0.2, 1.00, 0.60, 8, 3, 0.95), (0.10, 0.2, 1.00, 0.50, 10, 4, 0.90), (0.15, 0.3, 1.75, 0.55, 10, 4, 0.90),
    (0.25, 0.3, 2.25, 0.60, 12, 6, 0.85), (0.30, 0.3, 1.25, 0.65, 14, 12, 0.80),
)  # fmt: skip
_ICE = (0.86, 0.94, 1.0)  # red, green, blue


def snow(pixels: Tensor, severity: int, generator: Generator) -> Tensor:
    """Flakes that fall to both sides, over a whiter image."""
    mean, spread, factor, least, reach, sigma, kept = _SNOW[severity - 1]
    n, _, height, width = pixels.shape
    flakes = mean + spread * torch.randn(n, 1, height, width, generator=generator)
    flakes = enlarged(flakes, factor)
    flakes = flakes.where(flakes >= least, 0.0).clamp(0, 1)
    angles = uniform(n, -135, -45, generator).deg2rad()
    flakes = along(flakes, reach * scale(pixels), sigma * scale(pixels), angles)
    whiter = torch.maximum(pixels, 1.5 * gray(pixels) + 0.5)
    return kept * pixels + (1 - kept) * whiter + flakes + flakes.rot90(2, (2, 3))


def fog(pixels: Tensor, severity: int, generator: Generator) -> Tensor:
    """A cloud of that density and smoothness in front of the image, whose brightest value stays where it is."""
    density, decay = ((0.2, 3.0), (0.5, 3.0), (0.75, 2.5), (1.0, 2.0), (1.5, 1.75))[severity - 1]
    brightest = pixels.amax((1, 2, 3), keepdim=True)
    return (pixels + density * cloud(pixels, decay, generator)) * brightest / (brightest + density)


def frost(pixels: Tensor, severity: int, generator: Generator) -> Tensor:
    """Veins of ice in front of the image: the ridges of a cloud.

    The published one lays photographs of frost over the image with these weights; so this is like it, not equal to it.
    """
    image, ice = ((1.0, 0.2), (1.0, 0.3), (0.9, 0.4), (0.85, 0.4), (0.75, 0.45))[severity - 1]
    ridges = 1 - (2 * cloud(pixels, 2.0, generator) - 1).abs()
    color = torch.tensor(_ICE[: pixels.shape[1]] if pixels.shape[1] == 3 else [1.0]).view(1, -1, 1, 1)
    return image * pixels + ice * (0.2 + 0.8 * ridges.square()) * color


def brightness(pixels: Tensor, severity: int, generator: Generator) -> Tensor:
    """The value of HSV raised; hue and saturation stay."""
    amount = (0.05, 0.1, 0.15, 0.2, 0.3)[severity - 1]
    value = pixels.amax(1, keepdim=True)
    raised = (value + amount).clamp_max(1)
    return torch.where(value > 0, pixels * raised / value.clamp_min(1e-6), raised)


def gray(pixels: Tensor) -> Tensor:
    """Luma (N, 1, H, W), ITU-R BT.601."""
    if pixels.shape[1] == 1:
        return pixels
    return (pixels * torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)).sum(1, keepdim=True)


def cloud(like: Tensor, decay: float, generator: Generator) -> Tensor:
    """A fractal cloud for each image, float32 (N, 1, H, W) from 0 to 1: diamond-square on a torus.

    Midpoints are means of their four neighbors and a random number, whose reach falls with the square of `decay` at
    each halving (Fournier, Fussell and Carpenter 1982).
    """
    n, _, height, width = like.shape
    side = 1 << (max(height, width) - 1).bit_length()
    heights, step, reach = torch.zeros(n, side, side), side, 100.0
    while step >= 2:
        half = step // 2
        corners = heights[:, ::step, ::step]
        pairs = corners + corners.roll(-1, 1)
        centers = _middle(pairs + pairs.roll(-1, 2), reach, generator)
        heights[:, half::step, half::step] = centers
        beside = corners + corners.roll(-1, 2) + centers + centers.roll(1, 1)
        below = corners + corners.roll(-1, 1) + centers + centers.roll(1, 2)
        heights[:, ::step, half::step] = _middle(beside, reach, generator)
        heights[:, half::step, ::step] = _middle(below, reach, generator)
        step, reach = half, reach / decay
    heights -= heights.amin((1, 2), keepdim=True)
    return (heights / heights.amax((1, 2), keepdim=True))[:, None, :height, :width]


def _middle(sums: Tensor, reach: float, generator: Generator) -> Tensor:
    return sums / 4 + reach**2 * (2 * torch.rand(sums.shape, generator=generator) - 1)
