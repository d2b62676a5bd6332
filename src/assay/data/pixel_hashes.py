"""A hash of each image's pixels: shows which images two sets share, whatever their files or their order."""

import hashlib
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from assay.core.errors import DataError
from assay.core.files import atomic_save
from assay.data.imageset import ImageSet

_BLOCK = 512  # images read at once: a memory-mapped set may be larger than the memory


Hashes = NDArray[np.uint64]


def hash_pixels(images: ImageSet) -> Hashes:
    """The first 64 bits of BLAKE2b over each image's shape and pixels, uint64 (N,).

    Among 100,000 x 100,000 pairs of different images, two hashes are equal with a probability below 1e-9.
    """
    start = repr(images.shape).encode()
    digests = bytearray()
    for first in range(0, len(images), _BLOCK):
        block = torch.arange(first, min(first + _BLOCK, len(images)))
        for image in images.take(block).numpy():
            digests += hashlib.blake2b(start + image.tobytes(), digest_size=8).digest()
    return np.frombuffer(bytes(digests), np.uint64)


def save_hashes(hashes: Hashes, path: Path) -> None:
    """Write an .npy file, whole or not at all. Raises AssayError."""
    atomic_save(path, lambda temporary: np.save(temporary, hashes, allow_pickle=False))


def load_hashes(path: Path) -> Hashes | None:
    """Read what `save_hashes` wrote; None if there is no such file. Raises DataError if it is damaged."""
    if not path.exists():
        return None
    try:
        hashes = np.load(path, allow_pickle=False)
    except (OSError, EOFError, ValueError) as error:
        raise DataError(f"{path} is damaged: {error}") from None
    if hashes.dtype != np.uint64 or hashes.ndim != 1:
        raise DataError(f"{path} is damaged: it should hold one uint64 for each image")
    return np.asarray(hashes)
