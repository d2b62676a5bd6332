"""Where a recipe's data is: a named data set, or a folder or table of photos. Nothing is opened here."""

import os
from pathlib import Path

from assay.core.errors import UsageError
from assay.data.datasets.registry import DATASETS
from assay.recipes.schema import Data

DEFAULT_SIZE_PX = 160  # side of a folder's images if neither the recipe nor its preprocessing gives one
TABLE_SUFFIXES = (".csv", ".jsonl")


def is_path(name: str) -> bool:
    """Whether a recipe's data name is the path of a folder or table: it looks like one, or such a folder exists."""
    if name in DATASETS:
        return False
    has_separator = "/" in name or os.sep in name
    looks_like_path = has_separator or name.startswith((".", "~")) or name.lower().endswith(TABLE_SUFFIXES)
    return looks_like_path or Path(name).is_dir()


def absolute_path(name: str) -> Path:
    """The absolute, normalized path; `~` is the home folder."""
    return Path(os.path.normpath(Path(name).expanduser().absolute()))


def with_absolute_path(data: Data) -> Data:
    """The data section with its path absolute and its size filled in. Raises UsageError."""
    if not is_path(data.name):
        if data.size is not None:
            raise UsageError(f"a size is for folders of photos; {data.name} has its own", at=("size",))
        return data
    return data.model_copy(update={"name": str(absolute_path(data.name)), "size": data.size or DEFAULT_SIZE_PX})
