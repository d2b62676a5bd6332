"""What of an image is compared with other images: its low frequencies, and how a copy may change them.

A copy that was cropped by a little is shifted and scaled, a resized or recompressed one blurred, a brightened one
clipped. To first order each of these adds a multiple of a known image, its tangent, to the original (tangent distance:
Simard, LeCun and Denker, 1993).
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dct

Floats = NDArray[np.float32]

SIDE = 32  # of the thumbnails
TANGENTS = 7  # the image itself; shifts and scalings along x and y; clipped highlights; blur
BRIGHTEST = 212.0  # of 255: what is brighter is clipped in a copy that is a fifth brighter
FLAT_LEVELS = 2.0  # an image with a smaller spread (of 255) has nothing to compare but its color
_CHUNK = 256


def thumbnails(pixels: NDArray[np.uint8], places: NDArray[np.int64], side: int = SIDE) -> Floats:
    """Averages over side x side equal areas, float32 (M, C, side, side), of the images at `places`.

    pixels: uint8 (N, C, H, W), read once and in chunks, as it may be larger than the memory.
    """
    rows, columns = averages(side, pixels.shape[2]), averages(side, pixels.shape[3])
    output = np.empty((len(places), pixels.shape[1], side, side), np.float32)
    for start in range(0, len(places), _CHUNK):
        chunk = pixels[places[start : start + _CHUNK]].astype(np.float32)
        output[start : start + _CHUNK] = rows @ chunk @ columns.T
    return output


def brightness_planes(images: Floats) -> Floats:
    """Brightness and highlights, float32 (M, 2, SIDE, SIDE), of thumbnails (M, C, SIDE, SIDE): means over the colors.

    A copy that is brighter is clipped in each color by itself, so highlights cannot be computed from the brightness.
    """
    return np.stack([images.mean(1), np.maximum(images - BRIGHTEST, 0).mean(1)], axis=1)


def frequencies(planes: Floats, n: int) -> Floats:
    """The n x n lowest frequencies of each tangent of `brightness_planes`: float32 (M, TANGENTS, n * n - 1).

    Without the mean, and scaled so that the image itself has norm 1: brightness and contrast are of no account.
    """
    cosines, slope, stretch, bend = _operators(n)
    gray = planes[:, 0]
    rows, columns = cosines @ gray, gray @ cosines.T
    highlights = cosines @ planes[:, 1] @ cosines.T
    tangents = [
        rows @ cosines.T, rows @ slope.T, slope @ columns, rows @ stretch.T, stretch @ columns, highlights,
        rows @ bend.T + bend @ columns,
    ]  # fmt: skip
    output = np.stack(tangents, axis=1).reshape(len(gray), TANGENTS, n * n)[:, :, 1:]
    norms = np.linalg.norm(output[:, 0], axis=1)
    return np.asarray(output / np.maximum(norms, 1e-3)[:, None, None], np.float32)


def is_flat(planes: Floats) -> NDArray[np.bool_]:
    """Whether images have a single brightness, bool (M,)."""
    return np.asarray(planes[:, 0].std((1, 2)) < FLAT_LEVELS)


@lru_cache
def averages(n: int, side: int) -> Floats:
    """The matrix (n, side) that averages `side` pixels over n equal stretches."""
    edges = np.arange(n + 1) * side / n
    pixels = np.arange(side)
    overlap = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    return (overlap.clip(0) * n / side).astype(np.float32)


@lru_cache
def positions() -> Floats:
    """Where the pixels of a thumbnail lie, from -1 to 1 (its edges)."""
    return ((2 * np.arange(SIDE) + 1) / SIDE - 1).astype(np.float32)


@lru_cache
def mirror_signs(n: int) -> Floats:
    """The signs (n * n - 1,) that mirror an image's frequencies: odd ones along x change theirs."""
    signs = np.ones((n, n), np.float32)
    signs[:, 1::2] = -1
    return signs.ravel()[1:]


@lru_cache
def _operators(n: int) -> tuple[Floats, Floats, Floats, Floats]:
    """Matrices (n, SIDE) along one axis: the frequencies of a signal, of its slope, its slope times x, its bend."""
    cosines = dct(np.eye(SIDE), axis=0, norm="ortho")[:n]
    slope = np.gradient(np.eye(SIDE), axis=0)
    bend = np.eye(SIDE, k=1) + np.eye(SIDE, k=-1) - 2 * np.eye(SIDE)
    bend[0, 0] = bend[-1, -1] = -1  # beyond its edges the image goes on as it ends
    matrices = cosines, cosines @ slope, cosines @ (positions()[:, None] * slope), cosines @ bend
    a, b, c, d = (np.ascontiguousarray(matrix, np.float32) for matrix in matrices)
    return a, b, c, d
