"""Pairs of images that may be copies: nearest neighbors, in a metric learned from the set.

The metric gives little weight to what small shifts, scalings, blur and clipping change in the set's own images, as a
linear discriminant analysis does whose classes are an image and its copies.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.data.folders.copy_features import TANGENTS, Floats, frequencies, mirror_signs

Indices = NDArray[np.int64]

NEIGHBORS = 16
_MIRRORED_NEIGHBORS = 4
SAME_DISTANCE = 0.01  # of an image's contrast: less than recompression changes, so the same picture in any set
CROWD_SHARE = 0.4  # of the set's median: a smaller distance to the neighbors means that they are copies themselves
_FREQUENCIES = 8  # along each axis
_SCREEN_RATIO = 0.65  # of an image's usual distance to its neighbors: more than copies have before they are aligned
_SPREADS = np.array([1.0, 1.0, 0.5, 0.5, 0.1, 0.1], np.float32)  # along the tangents; shifts in thumbnail pixels
_NOISE = 6e-6  # variance of a frequency by recompression
_TINY = 1e-6
_SAMPLE = 1000  # images that teach the metric
_BLOCK_NUMBERS, _BINS, _CHUNK = 2**24, 64, 1024


@dataclass(frozen=True, eq=False)
class Candidates:
    """neighbors: int64 (M, k), the images most like each; pairs: int64 (P, 2), the few that may be copies."""

    neighbors: Indices
    pairs: Indices
    mirrored_pairs: Indices


class Sketches:
    """The low frequencies of n images and orthonormal bases of their tangents, added chunk by chunk."""

    def __init__(self, n: int) -> None:
        size = _FREQUENCIES**2 - 1
        self._images = np.empty((n, size), np.float32)
        self._bases = np.empty((n, TANGENTS, size), np.float32)
        self._changes = np.zeros((size, size))
        self._end = self._n_sample = 0

    def add(self, planes: Floats) -> None:
        """Add images by their `brightness_planes`; none may be flat."""
        tangents = frequencies(planes, _FREQUENCIES)
        rows = slice(self._end, self._end + len(planes))
        self._images[rows], self._bases[rows] = tangents[:, 0], _orthonormal(tangents)
        self._end += len(planes)
        if self._n_sample < _SAMPLE:
            steps = (tangents[:, 1:] * _SPREADS[:, None]).reshape(-1, tangents.shape[2]).astype(np.float64)
            self._changes += steps.T @ steps
            self._n_sample += len(planes)

    def find_candidates(self) -> Candidates:
        """The candidates among all images; needs at least two images."""
        images = self._images[: self._end]
        metric, k = self._metric(), min(NEIGHBORS, len(images) - 1)
        points, mirror_images = images @ metric, np.asarray(images * mirror_signs(_FREQUENCIES), np.float32)
        neighbors = nearest(points, points, k)
        mirror_neighbors = nearest(mirror_images @ metric, points, min(_MIRRORED_NEIGHBORS, k))
        distances = self._distances(neighbors, images)
        usual = np.median(distances, axis=1)
        usual = np.maximum(usual, CROWD_SHARE * np.median(usual))
        limits = np.asarray(np.maximum(_SCREEN_RATIO * usual, SAME_DISTANCE), np.float32)
        pairs = _close_pairs(neighbors, distances, limits)
        mirror_distances = self._distances(mirror_neighbors, mirror_images)
        # to mirror an image mirrors the span of its tangents, so its neighbors can be mirrored instead
        return Candidates(neighbors, pairs, _close_pairs(mirror_neighbors, mirror_distances, limits))

    def _distances(self, neighbors: Indices, images: Floats) -> Floats:
        """What the tangents of each image do not explain of its neighbors, from 0 to 1: float32 (M, k)."""
        output = np.empty(neighbors.shape, np.float32)
        for start in range(0, len(neighbors), _CHUNK):
            rows = slice(start, start + _CHUNK)
            coordinates = images[neighbors[rows]] @ self._bases[: self._end][rows].transpose(0, 2, 1)
            output[rows] = np.sqrt(np.maximum(0, 1 - (coordinates**2).sum(2)))
        return output

    def _metric(self) -> Floats:
        """The matrix (D, D) to coordinates in which small changes of an image are alike in all directions."""
        noise = _NOISE * np.eye(len(self._changes))
        values, vectors = np.linalg.eigh(self._changes / max(1, self._n_sample) + noise)
        return np.asarray(vectors / np.sqrt(values), np.float32)


def nearest(queries: Floats, points: Floats, k: int) -> Indices:
    """The k points nearest to each query, other than the point of its own index: int64 (M, k), in no order.

    Each block's products are searched in bins: the k largest numbers lie in the k bins with the largest maxima.
    """
    n, size = len(points), points.shape[1]
    width = -(-n // _BINS)  # bin b holds the points b, b + width, b + 2 width, ...
    table = np.zeros((width * _BINS, size + 1), np.float32)
    table[:n, :size] = 2 * points
    table[:, size] = -np.inf
    table[:n, size] = -(points**2).sum(1)
    columns, output = np.ascontiguousarray(table.T), np.empty((len(queries), k), np.int64)
    step = max(1, _BLOCK_NUMBERS // len(table))
    for start in range(0, len(queries), step):
        block = queries[start : start + step]
        closeness = block @ columns[:size] + columns[size]
        rows = np.arange(len(block))[:, None]
        closeness[rows[:, 0], start + rows[:, 0]] = -np.inf
        closeness = closeness.reshape(len(block), _BINS, width)
        bins = _largest(closeness.max(1), min(k, width))
        members = (np.arange(_BINS)[:, None] * width + bins[:, None]).reshape(len(block), -1)
        best = _largest(closeness.reshape(len(block), -1)[rows, members], k)
        output[start : start + step] = members[rows, best]
    return output


def _largest(numbers: Floats, k: int) -> Indices:
    """The positions of the k largest numbers of each row."""
    return np.argpartition(numbers, -k, axis=1)[:, -k:] if k < numbers.shape[1] else np.argsort(numbers, axis=1)


def _close_pairs(neighbors: Indices, distances: Floats, limits: Floats) -> Indices:
    """The pairs (i, j), i < j, nearer than the limit of both, each once."""
    rows, ranks = np.nonzero(distances < np.minimum(limits[:, None], limits[neighbors]))
    pairs = np.sort(np.stack([rows, neighbors[rows, ranks]], axis=1), axis=1)
    return np.unique(pairs, axis=0)


def _orthonormal(tangents: Floats) -> Floats:
    """Orthonormal bases of the same spans. Directions of no length, such as missing highlights, are zeros."""
    q, r = np.linalg.qr(tangents.transpose(0, 2, 1).astype(np.float64))
    q *= (abs(np.einsum("npp->np", r)) > _TINY)[:, None]
    return np.asarray(q.transpose(0, 2, 1), np.float32)
