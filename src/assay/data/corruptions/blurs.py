"""Blur: out of focus, Gaussian, along a line, towards the center."""

import math

import numpy as np
import torch
from torch import Generator, Tensor
from torch.nn.functional import interpolate

from assay.data.augment.step import uniform
from assay.data.blur import blur, gaussian, radius
from assay.data.corruptions.scale import scale


def gaussian_blur(pixels: Tensor, severity: int, generator: Generator) -> Tensor:
    """A Gaussian that is cut off at four standard deviations."""
    sigma = (0.4, 0.6, 0.7, 0.8, 1.0)[severity - 1] * scale(pixels)
    return blur(pixels, gaussian(sigma, radius(sigma, 4)), "replicate")


def defocus_blur(pixels: Tensor, severity: int, generator: Generator) -> Tensor:
    """A disc of that radius, its edge smoothed."""
    reach, smooth = ((0.3, 0.4), (0.4, 0.5), (0.5, 0.6), (1.0, 0.2), (1.5, 0.1))[severity - 1]
    return blur(pixels, disc(reach * scale(pixels), smooth))


def motion_blur(pixels: Tensor, severity: int, generator: Generator) -> Tensor:
    """Half a Gaussian along a line, up to 45 degrees off the horizontal."""
    reach, sigma = ((6, 1.0), (6, 1.5), (6, 2.0), (8, 2.0), (9, 2.5))[severity - 1]
    angles = uniform(len(pixels), -45, 45, generator).deg2rad()
    return along(pixels, reach * scale(pixels), sigma * scale(pixels), angles)


def zoom_blur(pixels: Tensor, severity: int, generator: Generator) -> Tensor:
    """The mean of the image and of itself enlarged by 1 to 1.06, 1.11, 1.16, 1.21 or 1.26."""
    factors = np.arange(1, (1.06, 1.11, 1.16, 1.21, 1.26)[severity - 1], 0.01).tolist()
    return (pixels + torch.stack([enlarged(pixels, factor) for factor in factors]).sum(0)) / (len(factors) + 1)


def disc(reach: float, smooth: float) -> Tensor:
    """A disc of that radius in pixels, smoothed by 3 x 3 pixels of a Gaussian; (K, K), with sum 1."""
    side = math.ceil(reach) + 1
    places = torch.arange(-side, side + 1, dtype=torch.float32)
    inside = (places[:, None].square() + places.square() <= reach**2).float()
    kernel = gaussian(smooth, 1)
    both = torch.nn.functional.conv2d(inside[None, None], (kernel[:, None] * kernel)[None, None], padding=1)[0, 0]
    return both / both.sum()


def along(pixels: Tensor, reach: float, sigma: float, angles: Tensor) -> Tensor:
    """Each image blurred along its angle (N,), in radians: ImageMagick's MotionBlurImage.

    2 ceil(reach) + 1 whole-pixel steps into one direction, weighted by half a Gaussian; edge pixels are continued.
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


def enlarged(pixels: Tensor, factor: float) -> Tensor:
    """The center enlarged by the factor to the image's own size, corners onto corners, as scipy's zoom."""
    height, width = pixels.shape[2:]
    down, right = math.ceil(height / factor), math.ceil(width / factor)
    top, left = (height - down) // 2, (width - right) // 2
    part = pixels[:, :, top : top + down, left : left + right]
    size = [round(down * factor), round(right * factor)]
    whole = interpolate(part, size, mode="bilinear", align_corners=True)
    top, left = (size[0] - height) // 2, (size[1] - width) // 2
    return whole[:, :, top : top + height, left : left + width]
