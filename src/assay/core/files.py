"""Atomic writes (temporary name, fsync, rename), locks and fresh folders: the way of every file that assay writes."""

import json
import os
import secrets
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from assay.core.errors import AssayError

_PART = ".part-"  # the start of temporary names


def atomic_write(path: Path, content: bytes | str) -> None:
    """Write `content` to `path`; a reader sees either the old file or the whole new one. Raises AssayError."""
    data = content.encode() if isinstance(content, str) else content
    atomic_save(path, lambda temporary: temporary.write_bytes(data))


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON, atomically."""
    atomic_write(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def atomic_save(path: Path, save: Callable[[Path], object]) -> None:
    """Let `save` write a temporary file beside `path`, then rename it. Raises AssayError if the disk refuses."""
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        # The suffix stays, because matplotlib and numpy choose a format by it.
        temporary = path.with_name(f"{_PART}{secrets.token_hex(6)}{path.suffix}")
        try:
            save(temporary)
            _sync(temporary)
            temporary.replace(path)
            _sync(path.parent)  # the rename itself is only safe once the folder is on disk
        finally:
            temporary.unlink(missing_ok=True)


def remove_partial_files(folder: Path) -> None:
    """Remove the half-written files of killed writers in `folder` and below."""
    for path in folder.rglob(f"{_PART}*"):
        path.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    if path.is_dir() and os.name == "nt":  # Windows has no handle on a folder to flush
        return
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn an OSError into an AssayError that names the file and the remedy."""
    try:
        yield
    except OSError as error:
        raise AssayError(
            f"cannot write {path}: {error.strerror or error}. Free some space, or choose another "
            "folder with --runs (or $ASSAY_DATA for data)."
        ) from error


@contextmanager
def file_lock(path: Path, timeout_seconds: float, otherwise: str) -> Iterator[None]:
    """Let one process in at a time. This is SQLite's lock, which every system has and which ends with its process.

    Raises AssayError with the message `otherwise` after the timeout.
    """
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path, timeout=timeout_seconds, isolation_level=None)) as lock:
        try:
            lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError:
            raise AssayError(otherwise) from None
        yield


def fresh_folder(folder: Path) -> Path:
    """Make the folder, or the first of `-2`, `-3`, ... that is free; two processes never get the same.

    Raises AssayError when all numbers are taken.
    """
    for number in range(1, 100_000):
        free = folder if number == 1 else folder.with_name(f"{folder.name}-{number}")
        try:
            free.mkdir()
        except FileExistsError:
            continue
        return free
    raise AssayError(f"{folder} and all numbered names after it are taken")
