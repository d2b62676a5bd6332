"""The cache of a folder's pixels: each image decoded once, into a memory-mapped array, found again by its content.

One folder for each (folder of photographs, shape) below the data root. `index.json` names the array that belongs to it,
and is replaced in one step after the array is whole: whoever is killed leaves the old index and its array. A changed
folder gets a new array, into which the pixels of known contents are copied.
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
from assay.core.progress import ProgressCallback
from assay.data.datasets.catalog import data_root
from assay.data.decode import silence_pillow
from assay.data.folders.duplicates import groups
from assay.data.folders.file_record import Record, Stamp, examine, stamp
from assay.data.folders.parallel_map import spread
from assay.data.imageset import ImageShape

_VERSION = 2
_PATIENCE_SECONDS = 24 * 3600.0


@dataclass(frozen=True, eq=False)
class Cache:
    """What is known of each file, and the pixels of the good ones, in the same order.

    folder: where it lies; pixels: uint8 (N, C, H, W), memory-mapped, never written back; groups: int64
    (N,), equal for near-duplicates.
    """

    folder: Path
    records: tuple[Record, ...]
    pixels: NDArray[np.uint8]
    groups: NDArray[np.int64]


@dataclass(frozen=True)
class _Wanted:
    """The files that are to be in the cache, with what shows whether they changed, and their pixels' shape."""

    root: Path
    paths: Sequence[str]
    stamps: Sequence[Stamp]
    shape: ImageShape


def read(name: Path, root: Path, paths: Sequence[str], shape: ImageShape, progress: ProgressCallback) -> Cache:
    """The pixels of these files below `root`, decoded where they are new or changed.

    name: the folder or table that was asked for, absolute. A second process that wants the same waits for the first.
    """
    key = hashlib.sha256(
        json.dumps([str(name), shape, PIL.__version__, torch.__version__, _VERSION]).encode()
    ).hexdigest()[:16]
    folder = data_root() / "folders" / key
    wanted = _Wanted(root, paths, [stamp(root / path) for path in paths], shape)
    found = _load(folder)
    if found is None or not _fits(found, wanted):
        with file_lock(folder / "lock", _PATIENCE_SECONDS, f"another process has been reading {name} for a day"):
            found = _load(folder)
            if found is None or not _fits(found, wanted):
                found = _build(folder, wanted, found, progress)
    return found


def _fits(cache: Cache, wanted: _Wanted) -> bool:
    """Whether nothing has changed, and no file is left that could not be read at all."""
    if len(wanted.paths) != len(cache.records):
        return False
    return all(
        path == record.path and known == record.stamp and (record.content or known[1] < 0)
        for path, known, record in zip(wanted.paths, wanted.stamps, cache.records, strict=True)
    )


def _load(folder: Path) -> Cache | None:
    """The cache as it stands; None where there is none, or it is damaged."""
    try:
        index = json.loads((folder / "index.json").read_bytes())
        records = tuple(Record(row[0], tuple(row[1]), *row[2:]) for row in index["records"])
        pixels = np.load(folder / index["pixels"], mmap_mode="c", allow_pickle=False)
        found = np.array(index["groups"], np.int64)
    except (OSError, ValueError, KeyError, TypeError, EOFError):
        return None
    return Cache(folder, records, pixels, found) if len(found) == len(pixels) else None


def _build(folder: Path, wanted: _Wanted, old: Cache | None, progress: ProgressCallback) -> Cache:
    """A new array and a new index; what the old ones hold is not decoded again."""
    remove_partial_files(folder)
    name, records = f"pixels-{secrets.token_hex(8)}.npy", list[Record]()

    def save(temporary: Path) -> None:
        with temporary.open("w+b") as file, silence_pillow():
            start = _write_header(file, len(wanted.paths), wanted.shape)
            for some in spread(_Look.of(wanted, old, temporary, start), len(wanted.paths)):
                records.extend(some)
                progress(len(records), len(wanted.paths))
            n = _close_gaps(file, start, prod(wanted.shape), [not record.problem for record in records])
            _write_header(file, n, wanted.shape)

    atomic_save(folder / name, save)
    good = [record for record in records if not record.problem]
    pixels = np.load(folder / name, mmap_mode="c")
    phashes, dhashes = (np.array([getattr(r, kind) for r in good], np.uint64) for kind in ("phash", "dhash"))
    found = groups(pixels, phashes, dhashes, [record.content for record in good])
    atomic_write(folder / "index.json", json.dumps({"pixels": name, "records": records, "groups": found.tolist()}))
    for left in folder.glob("pixels-*.npy"):
        if left.name != name:
            with suppress(OSError):  # still open elsewhere, on Windows
                left.unlink()
    return Cache(folder, tuple(records), pixels, found)


@dataclass(frozen=True)
class _Look:
    """Examines the files at some places and writes the pixels of the good ones to theirs in the new array.

    start: where the pixels begin in its file, in bytes. before, known: what the old cache has, by path, and by content
    with the place of its pixels.
    """

    wanted: _Wanted
    old: Cache | None
    array: Path
    start: int
    before: Mapping[str, Record]
    known: Mapping[str, tuple[Record, int]]

    @classmethod
    def of(cls, wanted: _Wanted, old: Cache | None, array: Path, start: int) -> "_Look":
        """For an array whose header is written."""
        before = {record.path: record for record in old.records} if old else {}
        good = [record for record in old.records if not record.problem] if old else []
        known = {record.content: (record, row) for row, record in enumerate(good)}
        return cls(wanted, old, array, start, before, known)

    def __call__(self, places: range) -> list[Record]:
        same = {place: record for place in places if (record := self._unchanged(place))}
        new = [place for place in places if place not in same]
        looked = examine(self.wanted.root, [self.wanted.paths[place] for place in new], self.wanted.shape, self.known)
        found = {**{place: (record, None) for place, record in same.items()}, **dict(zip(new, looked, strict=True))}
        with self.array.open("r+b") as file:  # a process of its own, or a thread, needs a position of its own
            return [self._kept(file, place, *found[place]) for place in places]

    def _unchanged(self, place: int) -> Record | None:
        earlier = self.before.get(self.wanted.paths[place])
        return earlier if earlier and earlier.stamp == self.wanted.stamps[place] and earlier.content else None

    def _kept(self, file: BinaryIO, place: int, record: Record, pixels: NDArray[np.uint8] | None) -> Record:
        """The record, with the pixels written that belong to it: those given, or the old cache's for its content."""
        if record.problem:
            return record
        if pixels is None:
            assert self.old is not None  # else no content is known
            earlier, row = self.known[record.content]
            record, pixels = earlier._replace(path=record.path, stamp=record.stamp), self.old.pixels[row]
        file.seek(self.start + place * pixels.nbytes)
        file.write(pixels.data)
        return record


def _close_gaps(file: BinaryIO, start: int, size: int, good: Sequence[bool]) -> int:
    """Move the pixels of the good images together, each `size` bytes, cut off what is left, and return how many."""
    places = np.flatnonzero(good)
    for row in np.flatnonzero(places != np.arange(len(places))).tolist():
        file.seek(start + int(places[row]) * size)
        pixels = file.read(size)
        file.seek(start + row * size)
        file.write(pixels)
    file.truncate(start + len(places) * size)
    return len(places)


def _write_header(file: BinaryIO, n: int, shape: ImageShape) -> int:
    """An .npy header, and where it ends; numpy leaves room in it, so that one with another n has the same length."""
    file.seek(0)
    header = {"descr": "|u1", "fortran_order": False, "shape": (n, *shape)}
    np.lib.format.write_array_header_1_0(file, header)
    file.flush()
    return file.tell()
