"""Whether two images are copies: do they differ less, once aligned, than different images of the set do?"""

import numpy as np
from numpy.typing import NDArray

from assay.data.folders.alignment import aligned_distances, tangent_distances
from assay.data.folders.copy_candidates import CROWD_SHARE, SAME_DISTANCE, Indices
from assay.data.folders.copy_features import SIDE, Floats, brightness_planes, thumbnails

MAX_RATIO = 0.27  # of the usual distance to the neighbors; docs/reference/folders.md says what copies have
MAX_DISTANCE = 0.13  # whatever the neighbors are
_COLOR_SIDE = 8
_MAX_COLOR_LEVELS, _MAX_COLOR_SHARE = 8.0, 0.25  # differences of color: of 255 levels, and of the colors' own spread
_SAMPLE, _CHUNK = 200, 512


class CopyCheck:
    """Checks pairs of images, which are named by their rows in `places`.

    pixels: uint8 (N, C, H, W); places: int64 (M,), the images to compare; neighbors: int64 (M, k), the rows of the
    images most like each. The usual distance of an image is the median of those to its neighbors, so up to half of
    them may be copies; where even more are, it is a share of the set's median.
    """

    def __init__(self, pixels: NDArray[np.uint8], places: Indices, neighbors: Indices) -> None:
        self.neighbors = neighbors
        self._images = _SmallImages(pixels, places)
        self._usual = np.full(len(places), np.nan, np.float32)
        sample = np.unique(np.linspace(0, len(places) - 1, _SAMPLE).astype(np.int64))
        self._least_usual = CROWD_SHARE * float(np.median(self._measure(sample)))

    def are_copies(self, pairs: Indices, is_mirrored: bool) -> tuple[NDArray[np.bool_], Floats]:
        """Whether the pairs (P, 2) are copies, bool (P,), and their distances, float32 (P,)."""
        rows = np.unique(pairs)
        rows = rows[np.isnan(self._usual[rows])]
        self._usual[rows] = np.maximum(self._measure(rows), self._least_usual)
        limits = np.clip(MAX_RATIO * self._usual[pairs].min(1), SAME_DISTANCE, MAX_DISTANCE)
        output, distances = np.empty(len(pairs), bool), np.empty(len(pairs), np.float32)
        for start in range(0, len(pairs), _CHUNK):
            chunk = slice(start, start + _CHUNK)
            (planes, color), (other_planes, other_color) = (self._images.get(rows) for rows in pairs[chunk].T)
            if is_mirrored:
                planes, color = planes[..., ::-1], color[..., ::-1]
            distances[chunk] = aligned_distances(planes, other_planes)
            output[chunk] = (distances[chunk] < limits[chunk]) & _have_same_colors(color, other_color)
        return output, distances

    def _measure(self, rows: Indices) -> Floats:
        """The median distance of these images to their neighbors."""
        output, step = np.empty(len(rows), np.float32), max(1, _CHUNK // self.neighbors.shape[1])
        for start in range(0, len(rows), step):
            images, neighbors = rows[start : start + step], self.neighbors[rows[start : start + step]]
            pairs = np.stack([images.repeat(neighbors.shape[1]), neighbors.ravel()])
            (planes, _), (other_planes, _) = (self._images.get(side) for side in pairs)
            output[start : start + step] = np.median(
                tangent_distances(planes, other_planes).reshape(neighbors.shape), axis=1
            )
        return output


class _SmallImages:
    """Thumbnails of the images at these places, computed on first use."""

    def __init__(self, pixels: NDArray[np.uint8], places: Indices) -> None:
        self.pixels, self.places = pixels, places
        self._planes = np.empty((len(places), 2, SIDE, SIDE), np.float16)
        self._color = np.empty((len(places), pixels.shape[1], _COLOR_SIDE, _COLOR_SIDE), np.float16)
        self._is_ready = np.zeros(len(places), bool)

    def get(self, rows: Indices) -> tuple[Floats, Floats]:
        """The `brightness_planes` and colored thumbnails (M, C, 8, 8)."""
        missing = np.unique(rows[~self._is_ready[rows]])
        if len(missing):
            images = thumbnails(self.pixels, self.places[missing])
            self._planes[missing] = brightness_planes(images)
            blocks = SIDE // _COLOR_SIDE
            shape = (*images.shape[:2], _COLOR_SIDE, blocks, _COLOR_SIDE, blocks)
            self._color[missing] = images.reshape(shape).mean((3, 5))
            self._is_ready[missing] = True
        return self._planes[rows].astype(np.float32), self._color[rows].astype(np.float32)


def _have_same_colors(first: Floats, second: Floats) -> NDArray[np.bool_]:
    """Whether colored thumbnails (P, C, 8, 8) differ in brightness and contrast only."""
    gray, other_gray = (images.mean(1, keepdims=True) for images in (first, second))
    contrast = other_gray.std((1, 2, 3), keepdims=True) / np.maximum(gray.std((1, 2, 3), keepdims=True), 1e-3)
    color, other_color = (first - gray) * contrast, second - other_gray
    difference, spread, other_spread = (
        np.sqrt((levels**2).mean((1, 2, 3))) for levels in (color - other_color, color, other_color)
    )
    limits = np.maximum(_MAX_COLOR_LEVELS, _MAX_COLOR_SHARE * np.minimum(spread, other_spread))
    return np.asarray(difference < limits)
