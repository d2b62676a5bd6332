"""Near-duplicates: images of the same picture after resizing, recompression, a change of exposure, a small crop, or
mirroring. Rotated and strongly cropped copies are not found.

Neighbors are sought (`copy_candidates`), aligned and compared (`copy_check`), and grouped (`linkage`).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.data.folders.copy_candidates import Sketches
from assay.data.folders.copy_check import CopyCheck
from assay.data.folders.copy_features import FLAT_LEVELS, Floats, brightness_planes, is_flat, thumbnails
from assay.data.folders.linkage import link_completely

Indices = NDArray[np.int64]

_CHUNK = 256


@dataclass(frozen=True, eq=False)
class Copies:
    """groups: a number for each image, int64 (N,), the position of the first image of its group.

    pairs: int64 (P, 2), all pairs of copies, except for identical files and flat images: those are only in groups.
    Groups do not chain, so a pair may lie in two of them.
    """

    groups: Indices
    pairs: Indices


def group_duplicates(pixels: NDArray[np.uint8], contents: list[str]) -> Indices:
    """A group number for each image, int64 (N,): the position of the first image that is equal or nearly equal.

    pixels: uint8 (N, C, H, W); contents: a hash of each file.
    """
    return find_copies(pixels, contents).groups


def find_copies(pixels: NDArray[np.uint8], contents: list[str]) -> Copies:
    """Copies among images uint8 (N, C, H, W); contents: a hash of each file."""
    equal = group_equal(contents)
    first = np.unique(equal)  # compare identical files once
    is_plain, colors, sketches = _read_images(pixels, first)
    plain, patterns = np.flatnonzero(is_plain), np.flatnonzero(~is_plain)
    shapes = _find_shape_copies(pixels, first[patterns], sketches)
    numbers = np.arange(len(first))
    numbers[plain] = plain[_group_colors(colors)]
    numbers[patterns] = patterns[shapes.groups]
    return Copies(np.asarray(first[numbers][np.searchsorted(first, equal)]), first[patterns[shapes.pairs]])


def group_equal(contents: list[str]) -> Indices:
    """A group number for each file, int64 (N,): the position of the first with the same content."""
    _, first, inverse = np.unique(np.array(contents, dtype=np.str_), return_index=True, return_inverse=True)
    return np.asarray(first[inverse], np.int64)


def _read_images(pixels: NDArray[np.uint8], places: Indices) -> tuple[NDArray[np.bool_], Floats, Sketches]:
    """Which images are flat, the thumbnails (F, D) of these, and the sketches of the others. Reads each image once."""
    sketches, colors, is_plain = Sketches(len(places)), [np.empty((0, 0), np.float32)], np.zeros(len(places), bool)
    for start in range(0, len(places), _CHUNK):
        images = thumbnails(pixels, places[start : start + _CHUNK])
        planes = brightness_planes(images)
        flat = is_flat(planes)
        is_plain[start : start + _CHUNK] = flat
        sketches.add(planes[~flat])
        colors += [images[flat].reshape(int(flat.sum()), -1)] if flat.any() else []
    return is_plain, np.concatenate(colors[1:] or colors), sketches


def _group_colors(colors: Floats) -> Indices:
    """Groups of flat images: those of nearly the color of a first one."""
    numbers, queue = np.arange(len(colors)), np.arange(len(colors))
    while len(queue):
        is_like = ((colors[queue] - colors[queue[0]]) ** 2).mean(1) < FLAT_LEVELS**2
        numbers[queue[is_like]] = queue[0]
        queue = queue[~is_like]
    return numbers


def _find_shape_copies(pixels: NDArray[np.uint8], places: Indices, sketches: Sketches) -> Copies:
    """Copies among images that are not flat, by their rows in `places`."""
    if len(places) < 2:
        return Copies(np.arange(len(places)), np.empty((0, 2), np.int64))
    candidates = sketches.find_candidates()
    check = CopyCheck(pixels, places, candidates.neighbors)
    pairs, distances = [], []
    for rows, is_mirrored in ((candidates.pairs, False), (candidates.mirrored_pairs, True)):
        is_copy, distance = check.are_copies(rows, is_mirrored)
        pairs.append(rows[is_copy])
        distances.append(distance[is_copy])

    def are_all_copies(rows: Indices) -> bool:
        rows = rows[~check.are_copies(rows, False)[0]]
        return not len(rows) or bool(check.are_copies(rows, True)[0].all())

    copies = np.concatenate(pairs)
    return Copies(link_completely(copies, np.concatenate(distances), len(places), are_all_copies), copies)
