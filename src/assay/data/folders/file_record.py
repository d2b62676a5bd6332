"""The Record: what one look at an image file told, good or bad. It is kept in the cache's index."""

import hashlib
import os
from collections.abc import Container, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import DataError
from assay.data.decode import decode, read_bytes
from assay.data.folders.duplicates import hashes
from assay.data.imageset import ImageShape

Stamp = tuple[int, int]  # bytes and time of the last change in nanoseconds; (-1, -1) where there is no such file


class Record(NamedTuple):
    """One image file. content: SHA-256; problem: why it is bad, empty for a good one; width, height in pixels."""

    path: str
    stamp: Stamp
    content: str = ""
    problem: str = ""
    format: str = ""
    mode: str = ""
    width: int = 0
    height: int = 0
    animated: bool = False
    flat: bool = False  # all of one color
    phash: int = 0
    dhash: int = 0


def stamp(path: Path) -> Stamp:
    """By what a changed file is noticed without reading it."""
    try:
        status = os.stat(path)  # noqa: PTH116  # Path.stat costs twice as much
    except (OSError, ValueError):
        return (-1, -1)
    return (status.st_size, status.st_mtime_ns)


def examine(
    root: Path, paths: Sequence[str], shape: ImageShape, known: Container[str]
) -> list[tuple[Record, NDArray[np.uint8] | None]]:
    """Read and decode files: their Records, and their pixels unless they are bad or their content is known already.

    Several at a time, because what is worked out for all at once costs each of them little.
    """
    found = [_examined(root / path, path, shape, known) for path in paths]
    good = [i for i, (_, pixels) in enumerate(found) if pixels is not None]
    if not good:
        return found
    pixels = np.empty((len(good), *shape), np.uint8)  # else numpy would keep the order of the channels as it comes
    np.stack([pixels for _, pixels in found if pixels is not None], out=pixels)
    flat = (pixels.max((2, 3)) == pixels.min((2, 3))).all(1).tolist()
    for row, (i, phash, dhash) in enumerate(zip(good, *(codes.tolist() for codes in hashes(pixels)), strict=True)):
        found[i] = found[i][0]._replace(flat=flat[row], phash=phash, dhash=dhash), pixels[row]
    return found


def _examined(
    file: Path, path: str, shape: ImageShape, known: Container[str]
) -> tuple[Record, NDArray[np.uint8] | None]:
    """One file, without what is worked out for several."""
    now, content = stamp(file), ""
    try:
        data = read_bytes(file)
        content = hashlib.sha256(data).hexdigest()
        if content in known:
            return Record(path, now, content), None
        picture = decode(data, shape)
    except DataError as error:
        return Record(path, now, content, str(error)), None
    kind = (picture.format, picture.mode, picture.width, picture.height, picture.has_frames)
    return Record(path, now, content, "", *kind), picture.pixels
