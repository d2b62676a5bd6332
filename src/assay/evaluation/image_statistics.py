"""Statistics of images, and changes that match one statistic of some images to that of others. No labels are used."""

from collections.abc import Callable, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import rankdata
from torch import Tensor
from torch.nn.functional import conv2d

from assay.data.blur import blur, gaussian, radius
from assay.data.luma import LUMA, luma

Values = NDArray[np.float64]
Measure = Callable[[Tensor], dict[str, Values]]  # as `measure`, of images as they reach the net

MAX_BLUR = 3.0  # pixels
MAX_SHARPENING = 4.0  # multiples of what a blur of one pixel removes
BISECTIONS = 12


def measure(pixels: Tensor) -> dict[str, Values]:
    """Statistics of each image, float64 (N,), of pixels (N, C, H, W) in [0, 1].

    sharpness: log10 of the variance of the Laplacian of the luma, in 8-bit levels (Pech-Pacheco et al. 2000). high
    frequencies: the share of the luma's power, without its mean, above half of the highest frequency. brightness and
    contrast: mean and standard deviation of the luma. Of RGB images also saturation: the mean of the largest minus the
    smallest channel; red cast and blue cast: the mean of that channel minus the luma's.
    """
    gray = luma(pixels)
    kernel = torch.tensor([[0.0, 1, 0], [1, -4, 1], [0, 1, 0]])[None, None]
    laplacian = conv2d(255 * gray, kernel).flatten(1).var(1, correction=0)
    values = {
        "sharpness": (laplacian + 1e-3).log10(),
        "high frequencies": _high_frequency_share(gray),
        "brightness": gray.mean((1, 2, 3)),
        "contrast": gray.flatten(1).std(1, correction=0),
    }
    if pixels.shape[1] == 3:
        values["saturation"] = (pixels.amax(1) - pixels.amin(1)).mean((1, 2))
        for name, channel in (("red cast", 0), ("blue cast", 2)):
            values[name] = pixels[:, channel].mean((1, 2)) - values["brightness"]
    return {name: value.double().numpy() for name, value in values.items()}


def match_statistic(name: str, pixels: Tensor, measure: Measure, target: Mapping[str, Values]) -> tuple[Tensor, str]:
    """Images with one statistic changed to that of other images, and the method; pixels (N, C, H, W) in [0, 1].

    target: the statistics of the other images. Sharpness is matched in its mean, by one blur or sharpening for all
    images. For any other statistic each image gets the value at its own rank among the targets.
    """
    if name == "sharpness":
        return _match_sharpness(pixels, measure, float(target[name].mean()))
    values = measure(pixels)[name]
    ranks = (rankdata(values, "ordinal") - 0.5) / len(values)
    targets = np.quantile(target[name], ranks)
    offset, factor = _per_image(targets - values), _per_image(targets / np.maximum(values, 1e-6))
    gray = luma(pixels)
    match name:
        case "brightness":
            return (pixels + offset).clamp(0, 1), "a number added to each"
        case "contrast":
            middle = gray.mean((2, 3), keepdim=True)
            return ((pixels - middle) * factor + middle).clamp(0, 1), "each stretched about its mean"
        case "saturation":
            return (gray + (pixels - gray) * factor).clamp(0, 1), "each drawn to or from its gray"
    channel = {"red cast": 0, "blue cast": 2}[name]
    weight = LUMA[channel]
    push = torch.full((1, 3, 1, 1), -weight)
    push[0, channel] += 1
    return (pixels + push * offset / (1 - weight)).clamp(0, 1), "its channel raised or lowered, at equal luma"


def sharpen_or_blur(pixels: Tensor, strength: float) -> Tensor:
    """Blur by a Gaussian of `strength` pixels; if negative, sharpen by that multiple of what a blur of 1 px removes."""
    if strength >= 0:
        return blur(pixels, gaussian(strength, radius(strength, 4)))
    return (pixels - strength * (pixels - blur(pixels, gaussian(1.0, 4)))).clamp(0, 1)


def _match_sharpness(pixels: Tensor, measure: Measure, target: float) -> tuple[Tensor, str]:
    """Change all images by one strength, found by bisection, so that their mean sharpness is the target."""
    low, high = -MAX_SHARPENING, MAX_BLUR
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        sharper = measure(sharpen_or_blur(pixels, middle))["sharpness"].mean() > target
        low, high = (middle, high) if sharper else (low, middle)
    strength = (low + high) / 2
    how = f"all blurred, sigma {strength:.2f} px"
    if strength < 0:
        how = f"all sharpened, {-strength:.2f} of a blur of 1 px"
    return sharpen_or_blur(pixels, strength), how


def _high_frequency_share(gray: Tensor) -> Tensor:
    power = torch.fft.fft2((gray - gray.mean((2, 3), keepdim=True))[:, 0]).abs().square()
    down, right = (torch.fft.fftfreq(size) for size in gray.shape[2:])
    high = torch.maximum(down.abs()[:, None], right.abs()) > 0.25
    shares: Tensor = (power * high).sum((1, 2)) / power.sum((1, 2)).clamp_min(1e-12)
    return shares


def _per_image(values: Values) -> Tensor:
    return torch.from_numpy(values).float().view(-1, 1, 1, 1)
