"""Weather by formula: snow, frost, fog, bright light."""

import torch
from torch import Generator, Tensor

from assay.data.augment.step import uniform
from assay.data.corruptions.blurs import enlarge, length_scale, motion
from assay.data.corruptions.registry import corruption
from assay.data.luma import luma

# mean and spread of the flakes, their enlargement and threshold, reach and sigma of their motion, weight of the image
_SNOW = (
    (0.10, 0.2, 1.00, 0.60, 8, 3, 0.95), (0.10, 0.2, 1.00, 0.50, 10, 4, 0.90), (0.15, 0.3, 1.75, 0.55, 10, 4, 0.90),
    (0.25, 0.3, 2.25, 0.60, 12, 6, 0.85), (0.30, 0.3, 1.25, 0.65, 14, 12, 0.80),
)  # fmt: skip
_ICE = (0.86, 0.94, 1.0)  # red, green, blue


@corruption("snow", "weather")
def snow(pixels: Tensor, severity: int, generator: Generator) -> Tensor:
    """Add flakes that fall to both sides, over a whitened image."""
    mean, spread, factor, least, reach, sigma, weight = _SNOW[severity - 1]
    n, _, height, width = pixels.shape
    flakes = mean + spread * torch.randn(n, 1, height, width, generator=generator)
    flakes = enlarge(flakes, factor)
    flakes = flakes.where(flakes >= least, 0.0).clamp(0, 1)
    angles = uniform(n, -135, -45, generator).deg2rad()
    flakes = motion(flakes, reach * length_scale(pixels), sigma * length_scale(pixels), angles)
    whiter = torch.maximum(pixels, 1.5 * luma(pixels) + 0.5)
    return weight * pixels + (1 - weight) * whiter + flakes + flakes.rot90(2, (2, 3))


@corruption("fog", "weather")
def fog(pixels: Tensor, severity: int, generator: Generator) -> Tensor:
    """Put a cloud in front of the image; the brightest value stays the same."""
    density, decay = ((0.2, 3.0), (0.5, 3.0), (0.75, 2.5), (1.0, 2.0), (1.5, 1.75))[severity - 1]
    brightest = pixels.amax((1, 2, 3), keepdim=True)
    return (pixels + density * cloud(pixels, decay, generator)) * brightest / (brightest + density)


@corruption("frost-like", "weather")
def frost(pixels: Tensor, severity: int, generator: Generator) -> Tensor:
    """Put veins of ice in front of the image: the ridges of a cloud.

    The published corruption overlays photos of frost with these weights, so this one is similar, not equal.
    """
    image, ice = ((1.0, 0.2), (1.0, 0.3), (0.9, 0.4), (0.85, 0.4), (0.75, 0.45))[severity - 1]
    ridges = 1 - (2 * cloud(pixels, 2.0, generator) - 1).abs()
    color = torch.tensor(_ICE[: pixels.shape[1]] if pixels.shape[1] == 3 else [1.0]).view(1, -1, 1, 1)
    return image * pixels + ice * (0.2 + 0.8 * ridges.square()) * color


@corruption("brightness", "weather")
def brightness(pixels: Tensor, severity: int, generator: Generator) -> Tensor:
    """Raise the value of HSV; hue and saturation stay."""
    amount = (0.05, 0.1, 0.15, 0.2, 0.3)[severity - 1]
    value = pixels.amax(1, keepdim=True)
    target = (value + amount).clamp_max(1)
    return torch.where(value > 0, pixels * target / value.clamp_min(1e-6), target)


def cloud(like: Tensor, decay: float, generator: Generator) -> Tensor:
    """A fractal cloud for each image, float32 (N, 1, H, W) from 0 to 1: diamond-square on a torus.

    Each midpoint is the mean of its four neighbors plus a random number, whose range shrinks by the square of `decay`
    at each halving (Fournier, Fussell and Carpenter 1982).
    """
    n, _, height, width = like.shape
    side = 1 << (max(height, width) - 1).bit_length()
    heights, step, reach = torch.zeros(n, side, side), side, 100.0
    while step >= 2:
        half = step // 2
        corners = heights[:, ::step, ::step]
        pairs = corners + corners.roll(-1, 1)
        centers = _midpoints(pairs + pairs.roll(-1, 2), reach, generator)
        heights[:, half::step, half::step] = centers
        horizontal = corners + corners.roll(-1, 2) + centers + centers.roll(1, 1)
        vertical = corners + corners.roll(-1, 1) + centers + centers.roll(1, 2)
        heights[:, ::step, half::step] = _midpoints(horizontal, reach, generator)
        heights[:, half::step, ::step] = _midpoints(vertical, reach, generator)
        step, reach = half, reach / decay
    heights -= heights.amin((1, 2), keepdim=True)
    return (heights / heights.amax((1, 2), keepdim=True))[:, None, :height, :width]


def _midpoints(sums: Tensor, reach: float, generator: Generator) -> Tensor:
    return sums / 4 + reach**2 * (2 * torch.rand(sums.shape, generator=generator) - 1)
