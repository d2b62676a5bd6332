"""What images look like in numbers, and how to make some look like others in one of them. No labels are seen here."""

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
Measure = Callable[[Tensor], dict[str, Values]]  # what `measure` says of images as they reach the net

MOST_BLUR, MOST_SHARPENING = 3.0, 4.0  # in pixels; in parts of what a blur takes away
HALVINGS = 12  # of the search for a strength


def measure(pixels: Tensor) -> dict[str, Values]:
    """Statistics of each image, float64 (N,), of pixels (N, C, H, W) in [0, 1].

    sharpness: log10 of the variance of the Laplacian of the luma, in 8-bit levels (Pech-Pacheco et al. 2000). high
    frequencies: the share of the luma's power, its mean left out, above half of the highest frequency. brightness and
    contrast: mean and standard deviation of the luma. Of RGB images also saturation: the mean of the greatest minus the
    least channel; red cast and blue cast: the mean of that channel minus the luma's.
    """
    gray = luma(pixels)
    kernel = torch.tensor([[0.0, 1, 0], [1, -4, 1], [0, 1, 0]])[None, None]
    laplacian = conv2d(255 * gray, kernel).flatten(1).var(1, correction=0)
    found = {
        "sharpness": (laplacian + 1e-3).log10(),
        "high frequencies": _high(gray),
        "brightness": gray.mean((1, 2, 3)),
        "contrast": gray.flatten(1).std(1, correction=0),
    }
    if pixels.shape[1] == 3:
        found["saturation"] = (pixels.amax(1) - pixels.amin(1)).mean((1, 2))
        for name, channel in (("red cast", 0), ("blue cast", 2)):
            found[name] = pixels[:, channel].mean((1, 2)) - found["brightness"]
    return {name: values.double().numpy() for name, values in found.items()}


def matched(name: str, pixels: Tensor, measure: Measure, wanted: Mapping[str, Values]) -> tuple[Tensor, str]:
    """The images with one statistic as in others, and how that was done; pixels (N, C, H, W) in [0, 1].

    wanted: the statistics of the others. Sharpness is matched in its mean, by one blur or sharpening for all images;
    any other by giving each image the value that stands at its own rank among the others'.
    """
    if name == "sharpness":
        return _as_sharp(pixels, measure, float(wanted[name].mean()))
    values = measure(pixels)[name]
    ranks = (rankdata(values, "ordinal") - 0.5) / len(values)
    targets = np.quantile(wanted[name], ranks)
    more, times = (_each(part) for part in (targets - values, targets / np.maximum(values, 1e-6)))
    gray = luma(pixels)
    match name:
        case "brightness":
            return (pixels + more).clamp(0, 1), "a number added to each"
        case "contrast":
            middle = gray.mean((2, 3), keepdim=True)
            return ((pixels - middle) * times + middle).clamp(0, 1), "each stretched about its mean"
        case "saturation":
            return (gray + (pixels - gray) * times).clamp(0, 1), "each drawn to or from its gray"
    channel = {"red cast": 0, "blue cast": 2}[name]
    weight = LUMA[channel]
    push = torch.full((1, 3, 1, 1), -weight)
    push[0, channel] += 1
    return (pixels + push * more / (1 - weight)).clamp(0, 1), "its channel raised or lowered, at equal luma"


def sharpened(pixels: Tensor, strength: float) -> Tensor:
    """Blurred by a Gaussian of that many pixels; below 0 sharpened, by so much of what a blur of a pixel takes away."""
    if strength >= 0:
        return blur(pixels, gaussian(strength, radius(strength, 4)))
    return (pixels - strength * (pixels - blur(pixels, gaussian(1.0, 4)))).clamp(0, 1)


def _as_sharp(pixels: Tensor, measure: Measure, wanted: float) -> tuple[Tensor, str]:
    """One strength for all, found by halving, so that the mean sharpness is the wanted one."""
    low, high = -MOST_SHARPENING, MOST_BLUR
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        sharper = measure(sharpened(pixels, middle))["sharpness"].mean() > wanted
        low, high = (middle, high) if sharper else (low, middle)
    strength = (low + high) / 2
    how = (
        f"all blurred, sigma {strength:.2f} px"
        if strength >= 0
        else f"all sharpened, {-strength:.2f} of a blur of 1 px"
    )
    return sharpened(pixels, strength), how


def _high(gray: Tensor) -> Tensor:
    power = torch.fft.fft2((gray - gray.mean((2, 3), keepdim=True))[:, 0]).abs().square()
    down, right = (torch.fft.fftfreq(size) for size in gray.shape[2:])
    high = torch.maximum(down.abs()[:, None], right.abs()) > 0.25
    shares: Tensor = (power * high).sum((1, 2)) / power.sum((1, 2)).clamp_min(1e-12)
    return shares


def _each(values: Values) -> Tensor:
    return torch.from_numpy(values).float().view(-1, 1, 1, 1)
