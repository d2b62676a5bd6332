"""Near-duplicates: which images show the same picture, after resizing, recompression or a change of exposure.

Two 64-bit hashes of the brightness must nearly agree, pHash (the signs of low frequencies; Zauner 2010) and dHash (the
signs of horizontal steps), and then small colour thumbnails must. Mirrored, turned and strongly cropped copies are not
found.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dct
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

PHASH_BITS, DHASH_BITS = 10, 10  # bits of 64 that may differ
CORRELATION = 0.8  # of the thumbnails, at least
_FLAT_LEVELS = 2.0  # below this spread, of 255, there is nothing to correlate: the colours themselves must agree
_THUMBNAIL_PX = 8
_BLOCK = 2048


def hashes(pixels: NDArray[np.uint8]) -> tuple[int, int]:
    """pHash and dHash of an image, uint8 (C, H, W)."""
    grey = pixels.mean(0, dtype=np.float32)
    rows, columns = _frequencies(grey.shape[0]), _frequencies(grey.shape[1])
    coefficients = np.round(rows @ grey @ columns.T, 2).ravel()[1:]  # without the mean; rounded, or flat ones are noise
    steps = np.round(_averages(8, grey.shape[0]) @ grey @ _averages(9, grey.shape[1]).T, 2)
    return _number(coefficients > np.median(coefficients)), _number((steps[:, 1:] > steps[:, :-1]).ravel())


def groups(
    pixels: NDArray[np.uint8], phashes: NDArray[np.uint64], dhashes: NDArray[np.uint64], contents: list[str]
) -> NDArray[np.int64]:
    """A number for each image, int64 (N,), equal for equal and nearly equal images: the first image's place.

    pixels: uint8 (N, C, H, W), read for candidates alone; contents: a hash of each file.
    """
    n = len(contents)
    _, first, same = np.unique(np.array(contents, dtype=np.str_), return_index=True, return_inverse=True)
    left, right = _candidates(phashes[first], dhashes[first])
    alike = _look_alike(pixels, first[left], first[right])
    edges = (np.concatenate([first[same], first[left[alike]]]), np.concatenate([np.arange(n), first[right[alike]]]))
    joined = connected_components(coo_array((np.ones(len(edges[0]), bool), edges), shape=(n, n)), directed=False)[1]
    return np.asarray(np.unique(joined, return_index=True)[1][joined], np.int64)


def _candidates(phashes: NDArray[np.uint64], dhashes: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Pairs whose hashes differ in few bits, int64 (2, pairs). As signs, 64 - 2 x distance is a matrix product."""
    signs, others = _signs(phashes), _signs(dhashes)
    found = [np.empty((2, 0), np.int64)]
    for start in range(0, len(signs), _BLOCK):
        agreement = signs[start : start + _BLOCK] @ signs[start:].T
        i, j = np.divmod(np.flatnonzero(agreement >= 64 - 2 * PHASH_BITS), agreement.shape[1])
        i, j = i[i < j], j[i < j]
        close = np.einsum("nb,nb->n", others[start + i], others[start + j]) >= 64 - 2 * DHASH_BITS
        found.append(np.stack([i[close] + start, j[close] + start]))
    return np.concatenate(found, axis=1)


def _look_alike(pixels: NDArray[np.uint8], left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether the thumbnails of these pairs agree in all but contrast and exposure."""
    rows, where = np.unique(np.concatenate([left, right]), return_inverse=True)
    thumbnails = np.stack([_thumbnail(pixels[row]) for row in rows]) if len(rows) else np.empty((0, 1), np.float32)
    means, spreads = thumbnails.mean(1, keepdims=True), thumbnails.std(1, keepdims=True)
    standard = (thumbnails - means) / np.maximum(spreads, 1e-6)
    i, j = where[: len(left)], where[len(left) :]
    correlated = np.einsum("nb,nb->n", standard[i], standard[j]) >= CORRELATION * thumbnails.shape[1]
    flat = (np.minimum(spreads[i], spreads[j]) < _FLAT_LEVELS)[:, 0]
    return np.asarray(np.where(flat, np.abs(thumbnails[i] - thumbnails[j]).mean(1) < _FLAT_LEVELS, correlated))


def _thumbnail(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    rows, columns = (_averages(_THUMBNAIL_PX, side) for side in image.shape[1:])
    return np.asarray((rows @ image.astype(np.float32) @ columns.T).ravel())


def _signs(numbers: NDArray[np.uint64]) -> NDArray[np.float32]:
    bits = np.unpackbits(numbers.astype(">u8").view(np.uint8).reshape(-1, 8), axis=1)
    return bits.astype(np.float32) * 2 - 1


def _number(bits: NDArray[np.bool_]) -> int:
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


@lru_cache
def _averages(n: int, side: int) -> NDArray[np.float32]:
    """The matrix (n, side) that averages `side` pixels over n equal stretches."""
    edges = np.arange(n + 1) * side / n
    pixels = np.arange(side)
    overlap = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    return (overlap.clip(0) * n / side).astype(np.float32)


@lru_cache
def _frequencies(side: int) -> NDArray[np.float32]:
    """The matrix (8, side) to the 8 lowest frequencies (DCT-II) of 32 averages."""
    return np.asarray(dct(np.eye(32), axis=0, norm="ortho")[:8] @ _averages(32, side), np.float32)
