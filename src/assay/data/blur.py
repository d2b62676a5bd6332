"""Blurring whole batches with a kernel."""

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
    """Convolve (N, C, H, W) with a kernel: (K,) along rows and columns, or (K, K); K odd.

    edge: `reflect` about the outermost pixel, as OpenCV does by default, or `replicate`. A reflection longer than the
    image is replaced by `replicate`; that only concerns tiny images.
    """
    if kernel.ndim == 1:
        return convolve(convolve(pixels, kernel[:, None], edge), kernel[None, :], edge)
    return convolve(pixels, kernel, edge)


def convolve(pixels: Tensor, kernel: Tensor, edge: str) -> Tensor:
    """Convolve (N, C, H, W) with a kernel (K, L) of odd sides; the size stays."""
    down, right = (size // 2 for size in kernel.shape)
    height, width = pixels.shape[2:]
    mode = edge if down < height and right < width else "replicate"
    padding = pad(pixels, (right, right, down, down), mode)
    channels = pixels.shape[1]
    return conv2d(padding, kernel.to(pixels).expand(channels, 1, *kernel.shape), groups=channels)


def opencv_sigma(side: int) -> float:
    """The standard deviation that OpenCV's getGaussianKernel uses for a kernel of this odd side."""
    return 0.3 * ((side - 1) * 0.5 - 1) + 0.8


def radius(sigma: float, truncate: float) -> int:
    """The radius of a Gaussian cut off at `truncate` standard deviations, rounded like scipy."""
    return math.floor(truncate * sigma + 0.5)
