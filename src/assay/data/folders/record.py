"""The Record: what one look at an image file told, good or bad. It is kept in the cache's index."""

import hashlib
import os
from collections.abc import Container
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from assay.data.decode import Shape, decode, read_bytes
from assay.data.folders.duplicates import hashes
from assay.errors import DataError

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
    flat: bool = False  # all of one colour
    phash: int = 0
    dhash: int = 0


def stamp(path: Path) -> Stamp:
    """By what a changed file is noticed without reading it."""
    try:
        status = os.stat(path)  # noqa: PTH116  # Path.stat costs twice as much
    except (OSError, ValueError):
        return (-1, -1)
    return (status.st_size, status.st_mtime_ns)


def examine(root: Path, path: str, shape: Shape, known: Container[str]) -> tuple[Record, NDArray[np.uint8] | None]:
    """Read and decode one file: its Record, and its pixels unless it is bad, or its content is known already."""
    record = Record(path, stamp(root / path))
    try:
        content = read_bytes(root / path)
        record = record._replace(content=hashlib.sha256(content).hexdigest())
        if record.content in known:
            return record, None
        picture = decode(content, shape)
    except DataError as error:
        return record._replace(problem=str(error)), None
    pixels = picture.pixels
    phash, dhash = hashes(pixels)
    return record._replace(
        format=picture.format, mode=picture.mode, width=picture.width, height=picture.height,
        animated=picture.animated, flat=bool((pixels == pixels[:, :1, :1]).all()), phash=phash, dhash=dhash,
    ), pixels  # fmt: skip
