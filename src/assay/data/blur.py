"""Blurring whole batches with a given kernel. Which blur is asked for, and why, is decided elsewhere."""

import math

import torch
from torch import Tensor
from torch.nn.functional import conv2d, pad


def gaussian(sigma: float, radius: int) -> Tensor:
    """The weights of a Gaussian at -radius .. radius, float32, with sum 1."""
    places = torch.arange(-radius, radius + 1, dtype=torch.float64)
    weights = torch.exp(-places.square() / (2 * sigma**2)) if sigma > 0 else (places == 0).double()
    return (weights / weights.sum()).float()


def blur(pixels: Tensor, kernel: Tensor, edge: str = "reflect") -> Tensor:
    """(N, C, H, W) convolved with a kernel along rows and columns (K,), or with one of two dimensions (K, K); K odd.

    edge: `reflect` about the outermost pixel, as OpenCV's default, or `replicate`. A reflection that is longer than the
    image is replicated, which no image of interest needs.
    """
    if kernel.ndim == 1:
        return blur_by(blur_by(pixels, kernel[:, None], edge), kernel[None, :], edge)
    return blur_by(pixels, kernel, edge)


def blur_by(pixels: Tensor, kernel: Tensor, edge: str) -> Tensor:
    """The same with a kernel (K, L) of odd sides."""
    down, right = (size // 2 for size in kernel.shape)
    height, width = pixels.shape[2:]
    mode = edge if down < height and right < width else "replicate"
    padded = pad(pixels, (right, right, down, down), mode)
    channels = pixels.shape[1]
    return conv2d(padded, kernel.to(pixels).expand(channels, 1, *kernel.shape), groups=channels)


def opencv_sigma(side: int) -> float:
    """The standard deviation that OpenCV's getGaussianKernel gives a kernel of that odd side."""
    return 0.3 * ((side - 1) * 0.5 - 1) + 0.8


def radius(sigma: float, truncate: float) -> int:
    """How far a Gaussian reaches that is cut off at so many standard deviations, as scipy rounds it."""
    return math.floor(truncate * sigma + 0.5)
