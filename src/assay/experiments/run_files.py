"""Reading and writing the files of a run folder. A damaged file is an error that names it."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load, save

from assay.core.errors import DataError
from assay.core.files import atomic_write, disk_errors
from assay.training.checkpoint import Weights


@contextmanager
def damage_errors(path: Path) -> Iterator[None]:
    """Turn any error of reading a damaged file into a DataError that names it."""
    try:
        yield
    except (SafetensorError, ValueError, TypeError, OSError) as error:
        raise DataError(f"{path} is damaged: {error}") from None


def read_json_object(path: Path) -> dict[str, Any]:
    """The object in a JSON file; empty if the file is absent. Raises DataError if it is damaged."""
    if not path.exists():
        return {}
    with damage_errors(path):
        return dict(json.loads(path.read_text()))


def read_json_lines(path: Path) -> list[dict[str, Any]]:
    """The objects in a file with one on each line; none if the file is absent. Raises DataError if it is damaged."""
    if not path.exists():
        return []
    with damage_errors(path):
        return [dict(json.loads(line)) for line in path.read_text().splitlines()]


def append_json_line(path: Path, value: dict[str, Any]) -> None:
    """Append an object as one line. Concurrent processes lose no lines."""
    line = json.dumps(value) + "\n"
    with disk_errors(path), path.open("ab", buffering=0) as file:  # unbuffered: a line is a single write
        file.write(line.encode())
        os.fsync(file.fileno())


def read_tensors(path: Path) -> Weights:
    """The tensors of a safetensors file. Raises DataError if it is damaged."""
    with damage_errors(path):
        return load(path.read_bytes())


def write_tensors(path: Path, weights: Weights) -> None:
    """Write tensors as a safetensors file."""
    contiguous = {name: tensor.contiguous() for name, tensor in weights.items()}
    atomic_write(path, save(contiguous))
