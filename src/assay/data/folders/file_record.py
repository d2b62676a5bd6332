"""The FileRecord: what reading an image file once has shown, good or bad. The cache keeps it in its index."""

import hashlib
import os
from collections.abc import Container, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import DataError
from assay.data.decode import decode, read_bytes
from assay.data.imageset import ImageShape

Stamp = tuple[int, int]  # size in bytes and modification time in nanoseconds; (-1, -1) if the file does not exist


class FileRecord(NamedTuple):
    """One image file. content: SHA-256; problem: why it is bad, or empty; width, height in pixels; is_flat: one color.

    Stored by position: new fields go last.
    """

    path: str
    stamp: Stamp
    content: str = ""
    problem: str = ""
    format: str = ""
    mode: str = ""
    width: int = 0
    height: int = 0
    has_frames: bool = False
    is_flat: bool = False


Examination = tuple[FileRecord, NDArray[np.uint8] | None]  # the record, and the pixels (C, H, W) if they were decoded


def read_stamp(path: Path) -> Stamp:
    """The stamp that shows, without reading the file, whether it has changed."""
    try:
        status = os.stat(path)  # noqa: PTH116  # Path.stat costs twice as much
    except (OSError, ValueError):
        return (-1, -1)
    return (status.st_size, status.st_mtime_ns)


def examine_files(
    root: Path, paths: Sequence[str], shape: ImageShape, known_contents: Container[str]
) -> list[Examination]:
    """Read and decode files. Pixels are None for bad files and for contents that are known already.

    Pass several files at once: flatness is then computed together, which is much faster.
    """
    results = [_examine_file(root / path, path, shape, known_contents) for path in paths]
    good = [i for i, (_, pixels) in enumerate(results) if pixels is not None]
    if not good:
        return results
    pixels = np.empty((len(good), *shape), np.uint8)  # preallocated, else numpy keeps the channel order of the inputs
    np.stack([pixels for _, pixels in results if pixels is not None], out=pixels)
    is_flat = (pixels.max((2, 3)) == pixels.min((2, 3))).all(1).tolist()
    for row, i in enumerate(good):
        results[i] = results[i][0]._replace(is_flat=is_flat[row]), pixels[row]
    return results


def _examine_file(file: Path, path: str, shape: ImageShape, known_contents: Container[str]) -> Examination:
    """Read one file, without flatness."""
    stamp, content = read_stamp(file), ""
    try:
        data = read_bytes(file)
        content = hashlib.sha256(data).hexdigest()
        if content in known_contents:
            return FileRecord(path, stamp, content), None
        image = decode(data, shape)
    except DataError as error:
        return FileRecord(path, stamp, content, str(error)), None
    details = (image.format, image.mode, image.width, image.height, image.has_frames)
    return FileRecord(path, stamp, content, "", *details), image.pixels
