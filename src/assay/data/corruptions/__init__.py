"""Corrupted copies of a test set, in the manner of CIFAR-10-C (Hendrycks and Dietterich 2019): the list, and one verb.

MeanStd are those that the authors published for CIFAR-10, for images of 32 pixels; in others a length grows with the
shorter side. Random numbers follow from corruption and severity alone, so everybody gets the same images.
"""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

import torch
from torch import Generator, Tensor

from assay.core.errors import UsageError
from assay.core.registry import Registry
from assay.data.corruptions import blurs, digital, noise, weather
from assay.data.imageset import ImageSet

GROUPS = ("noise", "blur", "weather", "digital")
SEVERITIES = (1, 2, 3, 4, 5)
CHUNK = 500  # images at once

# (pixels float32 (N, C, H, W) in [0, 1], severity, generator) -> pixels, which may leave the range
Change = Callable[[Tensor, int, Generator], Tensor]


@dataclass(frozen=True)
class Corruption:
    """A way to spoil images; some do nothing to gray ones."""

    group: str
    change: Change
    color_only: bool = False


CORRUPTIONS: Registry[Corruption] = Registry("corruption")
CORRUPTIONS.add("gaussian-noise")(Corruption("noise", noise.gaussian_noise))
CORRUPTIONS.add("shot-noise")(Corruption("noise", noise.shot_noise))
CORRUPTIONS.add("impulse-noise")(Corruption("noise", noise.impulse_noise))
CORRUPTIONS.add("defocus-blur")(Corruption("blur", blurs.defocus_blur))
CORRUPTIONS.add("gaussian-blur")(Corruption("blur", blurs.gaussian_blur))
CORRUPTIONS.add("motion-blur")(Corruption("blur", blurs.motion_blur))
CORRUPTIONS.add("zoom-blur")(Corruption("blur", blurs.zoom_blur))
CORRUPTIONS.add("snow")(Corruption("weather", weather.snow))
CORRUPTIONS.add("frost-like")(Corruption("weather", weather.frost))
CORRUPTIONS.add("fog")(Corruption("weather", weather.fog))
CORRUPTIONS.add("brightness")(Corruption("weather", weather.brightness))
CORRUPTIONS.add("contrast")(Corruption("digital", digital.contrast))
CORRUPTIONS.add("elastic")(Corruption("digital", digital.elastic))
CORRUPTIONS.add("pixelate")(Corruption("digital", digital.pixelate))
CORRUPTIONS.add("jpeg")(Corruption("digital", digital.jpeg))
CORRUPTIONS.add("saturate")(Corruption("digital", digital.saturate, color_only=True))


def fitting(channels: int) -> list[str]:
    """The names of the corruptions that do something to images of so many channels, group by group."""
    known = [name for name in CORRUPTIONS if channels > 1 or not CORRUPTIONS[name].color_only]
    return sorted(known, key=lambda name: GROUPS.index(CORRUPTIONS[name].group))


def corrupt(images: ImageSet, name: str, severity: int) -> ImageSet:
    """A corrupted copy: uint8 (N, C, H, W) again, values rounded. Raises UsageError for an unknown name or severity."""
    corruption = CORRUPTIONS[name]
    if severity not in SEVERITIES:
        raise UsageError(f"severities are 1 to 5, not {severity}")
    seed = int.from_bytes(sha256(f"{name} {severity}".encode()).digest()[:7])
    generator, changed = torch.Generator().manual_seed(seed), []
    for start in range(0, len(images), CHUNK):
        pixels = torch.tensor(images.images[start : start + CHUNK]).float() / 255
        seen = corruption.change(pixels, severity, generator).clamp(0, 1)
        changed.append((seen * 255).round().to(torch.uint8))
    source = f"{images.source}, {name} {severity}"
    return ImageSet(torch.cat(changed).numpy(), images.labels, images.class_names, source)
