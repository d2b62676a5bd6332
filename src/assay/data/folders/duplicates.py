"""Near-duplicates: images of the same picture after resizing, recompression or a change of exposure.

Two 64-bit hashes of the brightness must nearly agree, pHash (the signs of low frequencies; Zauner 2010) and dHash (the
signs of horizontal steps), and so must small color thumbnails. Mirrored, rotated and strongly cropped copies are not
found.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dct
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

PHASH_BITS, DHASH_BITS = 10, 10  # bits of 64 that may differ
CORRELATION = 0.8  # minimum, between the thumbnails
_FLAT_LEVELS = 2.0  # below this spread (of 255) a thumbnail is flat, and colors are compared instead
_THUMBNAIL_PX = 8
_BLOCK = 1024  # rows compared with all others at once


def perceptual_hashes(pixels: NDArray[np.uint8]) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """pHash and dHash, uint64 (N,) each, of images uint8 (N, C, H, W)."""
    height, width = pixels.shape[2:]
    gray = pixels.astype(np.float32).sum(1) / pixels.shape[1]
    spectrum = _frequencies(height) @ gray @ _frequencies(width).T
    # without the mean; rounded, because flat images would give noise
    spectrum = np.round(spectrum, 2).reshape(len(pixels), -1)[:, 1:]
    steps = np.round(_averages(8, height) @ gray @ _averages(9, width).T, 2)
    rising = (steps[:, :, 1:] > steps[:, :, :-1]).reshape(len(pixels), -1)
    return _pack_bits(spectrum > np.sort(spectrum)[:, 31:32]), _pack_bits(rising)


def group_duplicates(
    pixels: NDArray[np.uint8], phashes: NDArray[np.uint64], dhashes: NDArray[np.uint64], contents: list[str]
) -> NDArray[np.int64]:
    """A group number for each image, int64 (N,): the position of the first image that is equal or nearly equal.

    pixels: uint8 (N, C, H, W), read for candidates only; contents: a hash of each file.
    """
    _, first, inverse = np.unique(np.array(contents, dtype=np.str_), return_index=True, return_inverse=True)
    first = np.sort(first)  # compare images in their order, and identical files once
    pairs = [np.stack([_first_equal(inverse), np.arange(len(contents))])]
    codes, thumbnails = (_signs(phashes[first]), _signs(dhashes[first])), _Thumbnails(pixels, first)
    starts = range(0, len(first), _BLOCK)
    pairs += [first[_spanning_pairs(_similar_pairs(*codes, thumbnails, start), len(first))] for start in starts]
    return _first_equal(_components(np.concatenate(pairs, axis=1), len(contents)))


def _similar_pairs(
    phash_signs: NDArray[np.float32], dhash_signs: NDArray[np.float32], thumbnails: "_Thumbnails", start: int
) -> NDArray[np.int64]:
    """Pairs (i, j) with i in a block of rows and i < j, int64 (2, pairs), by matrix products.

    The product of two hashes as signs is 64 - 2 x distance. Only rows and columns with a candidate go on to the dHash.
    """
    agreement = phash_signs[start : start + _BLOCK] @ phash_signs[start:].T
    i, j = np.divmod(np.flatnonzero(agreement >= 64 - 2 * PHASH_BITS), agreement.shape[1])
    i, j = i[i < j] + start, j[i < j] + start
    (rows, at_i), (columns, at_j) = _unique(i), _unique(j)
    close = (dhash_signs[rows] @ dhash_signs[columns].T)[at_i, at_j] >= 64 - 2 * DHASH_BITS
    pairs = np.stack([i[close], j[close]])
    return pairs[:, thumbnails.agree(*pairs)]


def _unique(places: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The distinct places, and the index of each place among them, without sorting millions."""
    present = np.zeros(places.max(initial=-1) + 1, bool)
    present[places] = True
    return np.flatnonzero(present), (np.cumsum(present) - 1)[places]


class _Thumbnails:
    """Thumbnails of the images at these places, computed on first use."""

    def __init__(self, pixels: NDArray[np.uint8], places: NDArray[np.int64]) -> None:
        self.pixels, self.places = pixels, places
        channels = pixels.shape[1]
        self.plain = np.zeros((len(places), channels * _THUMBNAIL_PX**2), np.float32)
        self.is_ready = np.zeros(len(places), bool)

    def agree(self, i: NDArray[np.int64], j: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether these pairs agree up to contrast and exposure, or in color if they are flat."""
        (rows, at_i), (columns, at_j) = _unique(i), _unique(j)
        a, b = self._get(rows), self._get(columns)
        standard_a, standard_b = _standardize(a), _standardize(b)
        correlation = (standard_a @ standard_b.T)[at_i, at_j] / a.shape[1]
        flat = (a.std(1) < _FLAT_LEVELS)[at_i] | (b.std(1) < _FLAT_LEVELS)[at_j]
        squares = (a**2).sum(1)[at_i] + (b**2).sum(1)[at_j] - 2 * (a @ b.T)[at_i, at_j]
        return np.asarray(np.where(flat, squares < a.shape[1] * _FLAT_LEVELS**2, correlation >= CORRELATION))

    def _get(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        for row in rows[~self.is_ready[rows]].tolist():
            self.plain[row] = _thumbnail(self.pixels[self.places[row]])
        self.is_ready[rows] = True
        return self.plain[rows]


def _standardize(thumbnails: NDArray[np.float32]) -> NDArray[np.float32]:
    offsets = thumbnails - thumbnails.mean(1, keepdims=True)
    return np.asarray(offsets / np.maximum(offsets.std(1, keepdims=True), 1e-6))


def _spanning_pairs(pairs: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """A few pairs that connect the same images: thousands of copies of one picture make millions of pairs."""
    roots = _first_equal(_components(pairs, n))
    copies = np.flatnonzero(roots != np.arange(n))
    return np.stack([roots[copies], copies])


def _components(pairs: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    edges = coo_array((np.ones(pairs.shape[1], bool), (pairs[0], pairs[1])), shape=(n, n))
    return np.asarray(connected_components(edges, directed=False)[1], np.int64)


def _first_equal(numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """For each position, the first position with the same number."""
    _, first, inverse = np.unique(numbers, return_index=True, return_inverse=True)
    return np.asarray(first[inverse], np.int64)


def _thumbnail(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    rows, columns = (_averages(_THUMBNAIL_PX, side) for side in image.shape[1:])
    return np.asarray((rows @ image.astype(np.float32) @ columns.T).ravel())


def _signs(numbers: NDArray[np.uint64]) -> NDArray[np.float32]:
    bits = np.unpackbits(numbers.astype(">u8").view(np.uint8).reshape(-1, 8), axis=1)
    return bits.astype(np.float32) * 2 - 1


def _pack_bits(bits: NDArray[np.bool_]) -> NDArray[np.uint64]:
    """Pack up to 64 bits each, (N, bits), into numbers (N,)."""
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
