"""The cache of a folder's pixels: each image decoded once, into a memory-mapped array, found again by its content.

One folder for each (folder of photographs, shape) below the data root. `index.json` names the array that belongs to it,
and is replaced in one step after the array is whole: whoever is killed leaves the old index and its array. A changed
folder gets a new array, into which the pixels of known contents are copied.
"""

import hashlib
import json
import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import BinaryIO

import numpy as np
import PIL
import torch
from numpy.typing import NDArray

from assay.data.decode import Shape, quiet
from assay.data.folders.duplicates import groups
from assay.data.folders.record import Record, Stamp, examine, stamp
from assay.data.sources import data_root
from assay.files import alone, save_whole, sweep, write_whole

Progress = Callable[[int, int], None]  # images done, of how many

_VERSION = 2
_AT_ONCE, _TOGETHER = 512, 16  # files whose pixels may wait in memory; files that a thread takes at a time
_PATIENCE_SECONDS = 24 * 3600.0


@dataclass(frozen=True, eq=False)
class Cache:
    """What is known of each file, and the pixels of the good ones, in the same order.

    folder: where it lies; pixels: uint8 (N, C, H, W), memory-mapped; groups: int64 (N,), equal for near-duplicates.
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
    shape: Shape


def read(name: Path, root: Path, paths: Sequence[str], shape: Shape, progress: Progress) -> Cache:
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
        with alone(folder / "lock", _PATIENCE_SECONDS, f"another process has been reading {name} for a day"):
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
        pixels = np.load(folder / index["pixels"], mmap_mode="r", allow_pickle=False)
        found = np.array(index["groups"], np.int64)
    except (OSError, ValueError, KeyError, TypeError, EOFError):
        return None
    return Cache(folder, records, pixels, found) if len(found) == len(pixels) else None


def _build(folder: Path, wanted: _Wanted, old: Cache | None, progress: Progress) -> Cache:
    """A new array and a new index; what the old ones hold is not decoded again."""
    sweep(folder)
    name, records = f"pixels-{secrets.token_hex(8)}.npy", list[Record]()

    def save(temporary: Path) -> None:
        with temporary.open("wb") as file:
            _write_header(file, 0, wanted.shape)
            for record, pixels in _examined(wanted, old):
                records.append(record)
                if pixels is not None:
                    file.write(pixels.data)
                progress(len(records), len(wanted.paths))
            file.seek(0)
            _write_header(file, sum(not record.problem for record in records), wanted.shape)

    save_whole(folder / name, save)
    good = [record for record in records if not record.problem]
    pixels = np.load(folder / name, mmap_mode="r")
    phashes, dhashes = (np.array([getattr(r, kind) for r in good], np.uint64) for kind in ("phash", "dhash"))
    found = groups(pixels, phashes, dhashes, [record.content for record in good])
    write_whole(folder / "index.json", json.dumps({"pixels": name, "records": records, "groups": found.tolist()}))
    for left in folder.glob("pixels-*.npy"):
        if left.name != name:
            with suppress(OSError):  # still open elsewhere, on Windows
                left.unlink()
    return Cache(folder, tuple(records), pixels, found)


def _examined(wanted: _Wanted, old: Cache | None) -> Iterator[tuple[Record, NDArray[np.uint8] | None]]:
    """Every file in order with its pixels: unchanged ones from the old cache, the others by a thread for each core.

    Threads, because Pillow decodes and resizes without Python's lock.
    """
    before = {record.path: record for record in old.records} if old else {}
    good = [record for record in old.records if not record.problem] if old else []
    known = {record.content: (record, row) for row, record in enumerate(good)}

    def look(places: range) -> list[tuple[Record, NDArray[np.uint8] | None]]:
        earlier = [before.get(wanted.paths[i]) for i in places]
        same = [
            record if record and record.stamp == wanted.stamps[i] and record.content else None
            for i, record in zip(places, earlier, strict=True)
        ]
        new = [wanted.paths[i] for i, record in zip(places, same, strict=True) if not record]
        looked = iter(examine(wanted.root, new, wanted.shape, known))
        return [(record, None) if record else next(looked) for record in same]

    with quiet(), ThreadPoolExecutor(_cores()) as pool:
        try:
            for some in _parts(range(len(wanted.paths)), _AT_ONCE):
                for record, pixels in chain.from_iterable(pool.map(look, _parts(some, _TOGETHER))):
                    if pixels is not None or record.problem or old is None:
                        yield record, pixels
                    else:
                        earlier, row = known[record.content]
                        yield earlier._replace(path=record.path, stamp=record.stamp), old.pixels[row]
        finally:
            pool.shutdown(cancel_futures=True)


def _parts(places: range, size: int) -> Iterator[range]:
    return (places[start : start + size] for start in range(0, len(places), size))


def _write_header(file: BinaryIO, n: int, shape: Shape) -> None:
    """An .npy header; numpy leaves room in it, so that a later one with another n has the same length."""
    header = {"descr": "|u1", "fortran_order": False, "shape": (n, *shape)}
    np.lib.format.write_array_header_1_0(file, header)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
