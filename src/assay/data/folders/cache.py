"""The pixel cache: each image of a folder is decoded once, into a memory-mapped array, and recognized by its content.

There is one cache folder below the data root for each folder of photos and shape. `index.json` names the array that
belongs to it, and is replaced in one step after the array is complete: a killed process leaves the old index and array
intact. A changed folder gets a new array, into which the pixels of known contents are copied.
"""

import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import BinaryIO

import numpy as np
import PIL
import torch
from numpy.typing import NDArray

from assay.core.files import atomic_save, atomic_write, file_lock, remove_partial_files
from assay.core.folders import data_root
from assay.core.progress import ProgressCallback
from assay.data.decode import silence_pillow
from assay.data.folders.duplicates import group_duplicates
from assay.data.folders.file_record import FileRecord, Stamp, examine_files, read_stamp
from assay.data.folders.parallel_map import parallel_map
from assay.data.imageset import ImageShape

_VERSION = 3  # raise it whenever a stored value or its meaning changes; 3: near-duplicates by alignment
_TIMEOUT_SECONDS = 24 * 3600.0


@dataclass(frozen=True, eq=False)
class PixelCache:
    """The record of each file, and the pixels of the good ones in the same order.

    folder: the cache folder; pixels: uint8 (N, C, H, W), memory-mapped, never written back; groups: int64 (N,), equal
    for near-duplicates.
    """

    folder: Path
    records: tuple[FileRecord, ...]
    pixels: NDArray[np.uint8]
    groups: NDArray[np.int64]

    def is_current(self, request: "_Request") -> bool:
        """Whether no file has changed, and no file that could not be read exists now."""
        if len(request.paths) != len(self.records):
            return False
        return all(
            path == record.path and stamp == record.stamp and (record.content or stamp[1] < 0)
            for path, stamp, record in zip(request.paths, request.stamps, self.records, strict=True)
        )


@dataclass(frozen=True)
class _Request:
    """The files to cache, the stamps that show whether they have changed, and the shape of their pixels."""

    root: Path
    paths: Sequence[str]
    stamps: Sequence[Stamp]
    shape: ImageShape


def read_pixels(
    name: Path, root: Path, paths: Sequence[str], shape: ImageShape, progress: ProgressCallback
) -> PixelCache:
    """The pixels of these files below `root`; only new and changed files are decoded.

    name: the absolute path of the folder or table. A second process with the same request waits for the first.
    """
    key = json.dumps([str(name), shape, PIL.__version__, torch.__version__, _VERSION])
    folder = data_root() / "folders" / hashlib.sha256(key.encode()).hexdigest()[:16]
    request = _Request(root, paths, [read_stamp(root / path) for path in paths], shape)
    cache = _load(folder)
    if cache is not None and cache.is_current(request):
        return cache
    with file_lock(folder / "lock", _TIMEOUT_SECONDS, f"another process has been reading {name} for a day"):
        cache = _load(folder)  # another process may have updated it in the meantime
        if cache is not None and cache.is_current(request):
            return cache
        return _build(folder, request, cache, progress)


def _load(folder: Path) -> PixelCache | None:
    """The stored cache; None if there is none or it is damaged."""
    try:
        index = json.loads((folder / "index.json").read_bytes())
        records = tuple(FileRecord(row[0], tuple(row[1]), *row[2:]) for row in index["records"])
        pixels = np.load(folder / index["pixels"], mmap_mode="c", allow_pickle=False)
        groups = np.array(index["groups"], np.int64)
    except (OSError, ValueError, KeyError, TypeError, EOFError):
        return None
    return PixelCache(folder, records, pixels, groups) if len(groups) == len(pixels) else None


def _build(folder: Path, request: _Request, old: PixelCache | None, progress: ProgressCallback) -> PixelCache:
    """Write a new array and a new index; what the old ones contain is not decoded again."""
    remove_partial_files(folder)
    name, records = f"pixels-{secrets.token_hex(8)}.npy", list[FileRecord]()

    def save(temporary: Path) -> None:
        with temporary.open("w+b") as file, silence_pillow():
            start = _write_header(file, len(request.paths), request.shape)
            for chunk in parallel_map(_Task.create(request, old, temporary, start), len(request.paths)):
                records.extend(chunk)
                progress(len(records), len(request.paths))
            n = _close_gaps(file, start, prod(request.shape), [not record.problem for record in records])
            _write_header(file, n, request.shape)

    atomic_save(folder / name, save)
    pixels = np.load(folder / name, mmap_mode="c")
    groups = group_duplicates(pixels, [record.content for record in records if not record.problem])
    atomic_write(folder / "index.json", json.dumps({"pixels": name, "records": records, "groups": groups.tolist()}))
    for array in folder.glob("pixels-*.npy"):
        if array.name != name:
            with suppress(OSError):  # on Windows, another process may still have it open
                array.unlink()
    return PixelCache(folder, tuple(records), pixels, groups)


@dataclass(frozen=True)
class _Task:
    """Examines a range of files, and writes the pixels of the good ones to their places in the new array.

    start: where the pixels begin in the array's file, in bytes. old_records: the old cache by path. known_contents: the
    old cache by content, with the row of its pixels.
    """

    request: _Request
    old: PixelCache | None
    array: Path
    start: int
    old_records: Mapping[str, FileRecord]
    known_contents: Mapping[str, tuple[FileRecord, int]]

    @classmethod
    def create(cls, request: _Request, old: PixelCache | None, array: Path, start: int) -> "_Task":
        """The task for an array whose header is written."""
        records = old.records if old else ()
        good = [record for record in records if not record.problem]
        known_contents = {record.content: (record, row) for row, record in enumerate(good)}
        return cls(request, old, array, start, {record.path: record for record in records}, known_contents)

    def __call__(self, positions: range) -> list[FileRecord]:
        matches = {position: self._find_unchanged(position) for position in positions}
        paths = [self.request.paths[position] for position in positions if matches[position] is None]
        examinations = iter(examine_files(self.request.root, paths, self.request.shape, self.known_contents))
        records = []
        with self.array.open("r+b") as file:  # each process or thread needs a file position of its own
            for position, record in matches.items():
                new_record, pixels = (record, None) if record else next(examinations)
                records.append(self._write(file, position, new_record, pixels))
        return records

    def _find_unchanged(self, position: int) -> FileRecord | None:
        record = self.old_records.get(self.request.paths[position])
        return record if record and record.stamp == self.request.stamps[position] and record.content else None

    def _write(self, file: BinaryIO, position: int, record: FileRecord, pixels: NDArray[np.uint8] | None) -> FileRecord:
        """Write the image's pixels, the given ones or the old cache's for its content. Returns the complete record."""
        if record.problem:
            return record
        if pixels is None:
            assert self.old is not None  # else no content is known
            old_record, row = self.known_contents[record.content]
            record, pixels = old_record._replace(path=record.path, stamp=record.stamp), self.old.pixels[row]
        file.seek(self.start + position * pixels.nbytes)
        file.write(pixels.data)
        return record


def _close_gaps(file: BinaryIO, start: int, size: int, good: Sequence[bool]) -> int:
    """Move the pixels of the good images together, `size` bytes each, cut off the rest, and return their number."""
    positions = np.flatnonzero(good)
    for row in np.flatnonzero(positions != np.arange(len(positions))).tolist():
        file.seek(start + int(positions[row]) * size)
        pixels = file.read(size)
        file.seek(start + row * size)
        file.write(pixels)
    file.truncate(start + len(positions) * size)
    return len(positions)


def _write_header(file: BinaryIO, n: int, shape: ImageShape) -> int:
    """Write an .npy header, and return where it ends. numpy pads it, so its length does not depend on n."""
    file.seek(0)
    header = {"descr": "|u1", "fortran_order": False, "shape": (n, *shape)}
    np.lib.format.write_array_header_1_0(file, header)
    file.flush()
    return file.tell()
