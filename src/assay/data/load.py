"""From a recipe's data section to images: the one place that tells a named data set from a folder of photographs."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from assay.core.errors import UsageError
from assay.core.progress import ProgressCallback, silent
from assay.data.datasets.catalog import SOURCES, check_present
from assay.data.datasets.catalog import load as load_data
from assay.data.folders.folder import Folder, open_folder
from assay.data.imageset import ImageSet, ImageShape
from assay.data.split import Split, split
from assay.recipes.recipe import Recipe
from assay.recipes.schema import Data

SIZE_PX = 160  # of a folder's images where the recipe gives none
TABLES = (".csv", ".jsonl")


@dataclass(frozen=True, eq=False)
class LoadedData:
    """images: those that training and validation come from, and of a folder the test images too; see `Split.test`."""

    images: ImageSet
    parts: Split
    folder: Folder | None = None


def is_path(name: str) -> bool:
    """Whether a data set's name is the path of a folder or table: by its looks, or because it is there."""
    if name in SOURCES:
        return False
    written = "/" in name or os.sep in name or name.startswith((".", "~")) or name.lower().endswith(TABLES)
    return written or Path(name).is_dir()


def resolved(data: Data) -> Data:
    """The same data wherever it is read from: a path made absolute, its size said. Raises UsageError."""
    if not is_path(data.name):
        if data.size is not None:
            raise UsageError(f"a size is for folders of photographs; {data.name} has its own", at=("size",))
        return data
    return data.model_copy(update={"name": str(absolute(data.name)), "size": data.size or SIZE_PX})


def with_absolute_paths(recipe: Recipe) -> Recipe:
    """The recipe with its data `resolved`, as it is run and stored. Raises UsageError with file and line."""
    with recipe.blame("data"):
        return recipe.model_copy(update={"data": resolved(recipe.data)})


def absolute(name: str) -> Path:
    """The place that a path means here."""
    return Path(os.path.normpath(Path(name).expanduser().absolute()))


def read(data: Data, progress: ProgressCallback = silent) -> LoadedData:
    """The images to train on, with their split. Raises UsageError for a name nobody knows, and DataError.

    A named data set's test images must be there too: nobody wants to learn at the end that they are missing.
    """
    data = resolved(data)
    if data.size is not None:
        folder = open_folder(Path(data.name), (3, data.size, data.size), data.max_bad, progress)
        return LoadedData(folder.images, folder.split(data), folder)
    check_present(data.name)
    return of_images(data, load_data(data.name, "train"))


def of_images(data: Data, images: ImageSet) -> LoadedData:
    """One's own images, split as the recipe says."""
    return LoadedData(images, split(images.labels, data.validation, data.split_seed, data.share))


def foreign_test(name: str, shape: ImageShape, max_bad: float, progress: ProgressCallback) -> Callable[[], ImageSet]:
    """What reads the test images of a data set that a net was not trained on; what is missing is said at once.

    Of a folder these are its test images, or all if no part is given. shape: what the net was trained on.
    """
    if not is_path(name):
        check_present(name)
        return lambda: load_data(name, "test")
    folder = open_folder(absolute(name), shape, max_bad, progress)
    return lambda: folder.images.subset(folder.test_rows())
