"""Corrupted copies of an image set, in the style of CIFAR-10-C (Hendrycks and Dietterich 2019).

The constants are the authors' for CIFAR-10, at 32 pixels; for other sizes, lengths scale with the shorter side. Random
numbers depend on corruption and severity alone, so everybody gets the same images.
"""

from hashlib import sha256

import torch

from assay.core.errors import UsageError
from assay.data.corruptions.registry import CORRUPTIONS, GROUPS
from assay.data.imageset import ImageSet

SEVERITIES = (1, 2, 3, 4, 5)
CHUNK = 500  # images at once


def corruption_names(channels: int) -> list[str]:
    """The names of the corruptions that change images of this number of channels, group by group."""
    names = [name for name in CORRUPTIONS if channels > 1 or not CORRUPTIONS[name].color_only]
    return sorted(names, key=lambda name: GROUPS.index(CORRUPTIONS[name].group))


def corrupt(images: ImageSet, name: str, severity: int) -> ImageSet:
    """A corrupted copy, uint8 (N, C, H, W), rounded. Raises UsageError for an unknown name or severity."""
    corruption = CORRUPTIONS[name]
    if severity not in SEVERITIES:
        raise UsageError(f"severities are 1 to 5, not {severity}")
    seed = int.from_bytes(sha256(f"{name} {severity}".encode()).digest()[:7])
    generator, chunks = torch.Generator().manual_seed(seed), []
    for start in range(0, len(images), CHUNK):
        pixels = torch.tensor(images.images[start : start + CHUNK]).float() / 255
        output = corruption.change(pixels, severity, generator).clamp(0, 1)
        chunks.append((output * 255).round().to(torch.uint8))
    source = f"{images.source}, {name} {severity}"
    return ImageSet(torch.cat(chunks).numpy(), images.labels, images.class_names, source)
