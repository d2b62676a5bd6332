"""Near-duplicates between two sets of images, see `duplicates`."""

from math import prod

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import UsageError
from assay.data.folders.duplicates import find_copies
from assay.data.imageset import ImageSet
from assay.data.pixel_hashes import hash_pixels

MAX_BYTES, MAX_IMAGES = 2**30, 70_000  # of both sets: a minute for 60,000 images


def find_near_copies(images: ImageSet, source: ImageSet) -> NDArray[np.bool_]:
    """Which images are equal or nearly equal to one of the images `source`, bool (N,). Both have the same shape.

    Raises UsageError if there are too many pixels to compare at once.
    """
    count = len(images) + len(source)
    if count > MAX_IMAGES or count * prod(images.shape) > MAX_BYTES:
        raise UsageError(f"there are too many images ({count:,} of {'x'.join(map(str, images.shape))})")
    contents = [f"{value:x}" for value in np.concatenate([hash_pixels(images), hash_pixels(source)])]
    copies, n = find_copies(np.concatenate([images.images, source.images]), contents), len(images)
    output = np.isin(copies.groups[:n], copies.groups[n:])
    first, second = np.sort(copies.pairs, axis=1).T  # groups do not chain, so a copy may lie in another group
    matches = first[(first < n) & (second >= n)]
    return output | np.isin(contents[:n], [contents[i] for i in matches.tolist()])
