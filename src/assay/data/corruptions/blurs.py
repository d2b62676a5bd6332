"""Blur: Gaussian, out of focus, along a line, towards the center."""

import math

import numpy as np
import torch
from torch import Generator, Tensor
from torch.nn.functional import interpolate

from assay.data.augment.step import uniform
from assay.data.blur import blur, gaussian, radius
from assay.data.corruptions.registry import corruption

SIDE = 32  # CIFAR's, which the published lengths are for


def length_scale(pixels: Tensor) -> float:
    """The factor from lengths in CIFAR's images to lengths in these (N, C, H, W)."""
    return min(pixels.shape[2:]) / SIDE


@corruption("gaussian-blur", "blur")
def gaussian_blur(pixels: Tensor, severity: int, generator: Generator) -> Tensor:
    """Blur with a Gaussian, cut off at four standard deviations."""
    sigma = (0.4, 0.6, 0.7, 0.8, 1.0)[severity - 1] * length_scale(pixels)
    return blur(pixels, gaussian(sigma, radius(sigma, 4)), "replicate")


@corruption("defocus-blur", "blur")
def defocus_blur(pixels: Tensor, severity: int, generator: Generator) -> Tensor:
    """Blur with a disc whose edge is smoothed."""
    reach, smooth = ((0.3, 0.4), (0.4, 0.5), (0.5, 0.6), (1.0, 0.2), (1.5, 0.1))[severity - 1]
    return blur(pixels, disc(reach * length_scale(pixels), smooth))


@corruption("motion-blur", "blur")
def motion_blur(pixels: Tensor, severity: int, generator: Generator) -> Tensor:
    """Blur with half a Gaussian along a line up to 45 degrees off the horizontal."""
    reach, sigma = ((6, 1.0), (6, 1.5), (6, 2.0), (8, 2.0), (9, 2.5))[severity - 1]
    angles = uniform(len(pixels), -45, 45, generator).deg2rad()
    return motion(pixels, reach * length_scale(pixels), sigma * length_scale(pixels), angles)


@corruption("zoom-blur", "blur")
def zoom_blur(pixels: Tensor, severity: int, generator: Generator) -> Tensor:
    """Average the image with enlarged copies of itself, by factors from 1 to 1.06, 1.11, 1.16, 1.21 or 1.26."""
    factors = np.arange(1, (1.06, 1.11, 1.16, 1.21, 1.26)[severity - 1], 0.01).tolist()
    return (pixels + torch.stack([enlarge(pixels, factor) for factor in factors]).sum(0)) / (len(factors) + 1)


def disc(reach: float, smooth: float) -> Tensor:
    """A disc with radius `reach` in pixels, smoothed by a Gaussian of 3 x 3 pixels; (K, K), with sum 1."""
    side = math.ceil(reach) + 1
    places = torch.arange(-side, side + 1, dtype=torch.float32)
    inside = (places[:, None].square() + places.square() <= reach**2).float()
    kernel = gaussian(smooth, 1)
    weights = torch.nn.functional.conv2d(inside[None, None], (kernel[:, None] * kernel)[None, None], padding=1)[0, 0]
    return weights / weights.sum()


def motion(pixels: Tensor, reach: float, sigma: float, angles: Tensor) -> Tensor:
    """Blur each image along its angle (N,), in radians, like ImageMagick's MotionBlurImage.

    It sums 2 ceil(reach) + 1 whole-pixel steps in one direction, weighted by half a Gaussian; edge pixels repeat.
    """
    n, channels, height, width = pixels.shape
    steps = torch.arange(2 * math.ceil(reach) + 1)
    weights = torch.exp(-steps.double().square() / (2 * sigma**2))
    total, weights = torch.zeros_like(pixels), (weights / weights.sum()).float()
    for step, weight in zip(steps, weights, strict=True):
        down = torch.ceil(step * angles.sin() - 0.5).long()
        right = torch.ceil(step * angles.cos() - 0.5).long()
        rows = (torch.arange(height) + down[:, None]).clamp(0, height - 1)
        columns = (torch.arange(width) + right[:, None]).clamp(0, width - 1)
        places = (rows[:, :, None] * width + columns[:, None, :]).view(n, 1, -1)
        total += weight * pixels.flatten(2).gather(2, places.expand(-1, channels, -1)).view(pixels.shape)
    return total


def enlarge(pixels: Tensor, factor: float) -> Tensor:
    """Enlarge the center to the size of the image, corners aligned, as scipy's zoom does."""
    height, width = pixels.shape[2:]
    down, right = math.ceil(height / factor), math.ceil(width / factor)
    top, left = (height - down) // 2, (width - right) // 2
    part = pixels[:, :, top : top + down, left : left + right]
    size = [round(down * factor), round(right * factor)]
    whole = interpolate(part, size, mode="bilinear", align_corners=True)
    top, left = (size[0] - height) // 2, (size[1] - width) // 2
    return whole[:, :, top : top + height, left : left + width]
