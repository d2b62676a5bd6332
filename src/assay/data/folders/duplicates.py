"""Near-duplicates: which images show the same picture, after resizing, recompression or a change of exposure.

Two 64-bit hashes of the brightness must nearly agree, pHash (the signs of low frequencies; Zauner 2010) and dHash (the
signs of horizontal steps), and then small color thumbnails must. Mirrored, turned and strongly cropped copies are not
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
_FLAT_LEVELS = 2.0  # below this spread, of 255, there is nothing to correlate: the colors themselves must agree
_THUMBNAIL_PX = 8
_BLOCK = 1024  # rows that are compared with all others at once


def hashes(pixels: NDArray[np.uint8]) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """pHash and dHash of each image, uint64 (N,), of uint8 (N, C, H, W)."""
    height, width = pixels.shape[2:]
    gray = pixels.astype(np.float32).sum(1) / pixels.shape[1]
    found = _frequencies(height) @ gray @ _frequencies(width).T
    found = np.round(found, 2).reshape(len(pixels), -1)[:, 1:]  # without the mean; rounded, or flat ones are noise
    steps = np.round(_averages(8, height) @ gray @ _averages(9, width).T, 2)
    rising = (steps[:, :, 1:] > steps[:, :, :-1]).reshape(len(pixels), -1)
    return _numbers(found > np.sort(found)[:, 31:32]), _numbers(rising)


def groups(
    pixels: NDArray[np.uint8], phashes: NDArray[np.uint64], dhashes: NDArray[np.uint64], contents: list[str]
) -> NDArray[np.int64]:
    """A number for each image, int64 (N,), equal for equal and nearly equal images: the first image's place.

    pixels: uint8 (N, C, H, W), read for candidates alone; contents: a hash of each file.
    """
    _, first, same = np.unique(np.array(contents, dtype=np.str_), return_index=True, return_inverse=True)
    first = np.sort(first)  # images are compared in their order, files with the same bytes once
    found = [np.stack([_firsts(same), np.arange(len(contents))])]
    codes, thumbnails = (_signs(phashes[first]), _signs(dhashes[first])), _Thumbnails(pixels, first)
    starts = range(0, len(first), _BLOCK)
    found += [first[_spanning(_alike(*codes, thumbnails, start), len(first))] for start in starts]
    return _firsts(_components(np.concatenate(found, axis=1), len(contents)))


def _alike(
    signs: NDArray[np.float32], others: NDArray[np.float32], thumbnails: "_Thumbnails", start: int
) -> NDArray[np.int64]:
    """Pairs (i, j) with i in a block of rows and i < j, int64 (2, pairs). Everything is a matrix product.

    Of bits as signs, 64 - 2 x distance is one, and only rows and columns with a candidate are multiplied further.
    """
    agreement = signs[start : start + _BLOCK] @ signs[start:].T
    i, j = np.divmod(np.flatnonzero(agreement >= 64 - 2 * PHASH_BITS), agreement.shape[1])
    i, j = i[i < j] + start, j[i < j] + start
    (rows, at_i), (columns, at_j) = _numbered(i), _numbered(j)
    close = (others[rows] @ others[columns].T)[at_i, at_j] >= 64 - 2 * DHASH_BITS
    pairs = np.stack([i[close], j[close]])
    return pairs[:, thumbnails.agree(*pairs)]


def _numbered(places: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The different places, and for each place its number among them, without sorting millions."""
    named = np.zeros(places.max(initial=-1) + 1, bool)
    named[places] = True
    return np.flatnonzero(named), (np.cumsum(named) - 1)[places]


class _Thumbnails:
    """Thumbnails of the images at these places, made when they are first needed."""

    def __init__(self, pixels: NDArray[np.uint8], places: NDArray[np.int64]) -> None:
        self.pixels, self.places = pixels, places
        channels = pixels.shape[1]
        self.plain = np.zeros((len(places), channels * _THUMBNAIL_PX**2), np.float32)
        self.made = np.zeros(len(places), bool)

    def agree(self, i: NDArray[np.int64], j: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether these pairs are the same in all but contrast and exposure, and flat ones in color."""
        (rows, at_i), (columns, at_j) = _numbered(i), _numbered(j)
        a, b = self._of(rows), self._of(columns)
        standard_a, standard_b = _standard(a), _standard(b)
        correlation = (standard_a @ standard_b.T)[at_i, at_j] / a.shape[1]
        flat = (a.std(1) < _FLAT_LEVELS)[at_i] | (b.std(1) < _FLAT_LEVELS)[at_j]
        squares = (a**2).sum(1)[at_i] + (b**2).sum(1)[at_j] - 2 * (a @ b.T)[at_i, at_j]
        return np.asarray(np.where(flat, squares < a.shape[1] * _FLAT_LEVELS**2, correlation >= CORRELATION))

    def _of(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        for row in rows[~self.made[rows]].tolist():
            self.plain[row] = _thumbnail(self.pixels[self.places[row]])
        self.made[rows] = True
        return self.plain[rows]


def _standard(thumbnails: NDArray[np.float32]) -> NDArray[np.float32]:
    centered = thumbnails - thumbnails.mean(1, keepdims=True)
    return np.asarray(centered / np.maximum(centered.std(1, keepdims=True), 1e-6))


def _spanning(pairs: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """Few pairs that join the same images: thousands of copies of one picture make millions of pairs."""
    found = _firsts(_components(pairs, n))
    moved = np.flatnonzero(found != np.arange(n))
    return np.stack([found[moved], moved])


def _components(pairs: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    edges = coo_array((np.ones(pairs.shape[1], bool), (pairs[0], pairs[1])), shape=(n, n))
    return np.asarray(connected_components(edges, directed=False)[1], np.int64)


def _firsts(numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """For each place the first one with the same number."""
    _, first, same = np.unique(numbers, return_index=True, return_inverse=True)
    return np.asarray(first[same], np.int64)


def _thumbnail(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    rows, columns = (_averages(_THUMBNAIL_PX, side) for side in image.shape[1:])
    return np.asarray((rows @ image.astype(np.float32) @ columns.T).ravel())


def _signs(numbers: NDArray[np.uint64]) -> NDArray[np.float32]:
    bits = np.unpackbits(numbers.astype(">u8").view(np.uint8).reshape(-1, 8), axis=1)
    return bits.astype(np.float32) * 2 - 1


def _numbers(bits: NDArray[np.bool_]) -> NDArray[np.uint64]:
    """Up to 64 bits each, (N, bits), as numbers (N,)."""
    wide = np.zeros((len(bits), 64), bool)
    wide[:, : bits.shape[1]] = bits
    return np.packbits(wide, axis=1).view(">u8").ravel().astype(np.uint64)


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
