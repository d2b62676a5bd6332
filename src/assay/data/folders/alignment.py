"""How much two images differ after one is shifted, scaled, blurred and brightened to fit the other.

Distances are fractions of an image's contrast: 0 for equal images, 1 for images that have nothing in common.
"""

import numpy as np

from assay.data.folders.copy_features import SIDE, TANGENTS, Floats, frequencies, positions

_FREQUENCIES = 16  # along each axis
_RIDGE = 1e-4
_MAX_SHIFT = 2.5  # thumbnail pixels, at the center and, by scaling, at the edges
_MIN_CONTRAST = 0.2  # of the second image, that the first may explain


def tangent_distances(first: Floats, second: Floats) -> Floats:
    """Distances of `brightness_planes` (P, 2, SIDE, SIDE), pair by pair: float32 (P,), to first order."""
    a, b = frequencies(first, _FREQUENCIES), frequencies(second, _FREQUENCIES)
    return np.minimum(_fit(a, b)[0], _fit(b, a)[0])


def aligned_distances(first: Floats, second: Floats) -> Floats:
    """The same, after each has been moved by what `tangent_distances` assumes, which makes larger changes exact."""
    a, b = frequencies(first, _FREQUENCIES), frequencies(second, _FREQUENCIES)
    return np.minimum(_align(first, a, b), _align(second, b, a))


def _align(planes: Floats, a: Floats, b: Floats) -> Floats:
    distances, weights = _fit(a, b)
    tangents = frequencies(_move(planes, weights), _FREQUENCIES)
    return np.minimum(distances, _fit(tangents, b)[0])


def _fit(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """The norm of what a and its tangents do not explain of b, (P,), and their weights (P, TANGENTS).

    Symmetric tangents are the means of both images', which cancels the second order. A negative image is no copy.
    """
    x = ((a + b) / 2).astype(np.float64)
    x[:, [0, 5]] = a[:, [0, 5]]  # highlights are clipped in one of the two
    y = b[:, 0].astype(np.float64)
    gram = x @ x.transpose(0, 2, 1)
    diagonal = np.einsum("npp->np", gram)
    ridge = _RIDGE * np.maximum(diagonal, 0.01)
    ridge[:, 0] = 0
    gram[:, range(TANGENTS), range(TANGENTS)] += ridge + 1e-9
    weights = np.linalg.solve(gram, x @ y[:, :, None])[:, :, 0]
    residuals = y - (weights[:, None] @ x)[:, 0]
    distances = np.where(weights[:, 0] > _MIN_CONTRAST, np.linalg.norm(residuals, axis=1), 1)
    return np.asarray(distances, np.float32), np.asarray(weights, np.float32)


def _move(planes: Floats, weights: Floats) -> Floats:
    """Shift and scale thumbnails as the weights of their tangents say, by linear interpolation."""
    moves = weights[:, 1:5] / np.maximum(weights[:, :1], _MIN_CONTRAST)
    steps: Floats = moves.clip(-_MAX_SHIFT, _MAX_SHIFT).astype(np.float32)
    x = _interpolation(steps[:, 0], steps[:, 2])
    y = _interpolation(steps[:, 1], steps[:, 3])
    return np.asarray(y[:, None] @ planes @ x.transpose(0, 2, 1)[:, None], np.float32)


def _interpolation(shifts: Floats, scalings: Floats) -> Floats:
    """Matrices (P, SIDE, SIDE) that read lines of pixels at moved places; the edges repeat beyond themselves."""
    pixels = np.arange(SIDE, dtype=np.float32)
    places = pixels + shifts[:, None] + scalings[:, None] * positions()
    places = places.clip(0, SIDE - 1)
    return np.asarray(np.maximum(0, 1 - abs(places[:, :, None] - pixels)), np.float32)
