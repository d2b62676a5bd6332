"""From a recipe's data section to images and their split, for named data sets, folders and arrays alike."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from assay.core.progress import ProgressCallback, silent
from assay.data.datasets.catalog import check_evaluable, check_present, load_dataset
from assay.data.folders.folder import Folder, open_folder
from assay.data.imageset import ImageSet, ImageShape
from assay.data.location import with_absolute_path
from assay.data.split import Split, split
from assay.recipes.schema import Data


@dataclass(frozen=True, eq=False)
class LoadedData:
    """The images of training and validation, and for a folder also of the test set; `split` has their indices."""

    images: ImageSet
    split: Split
    folder: Folder | None = None


def load_data(data: Data, progress: ProgressCallback = silent) -> LoadedData:
    """Load the images to train on, with their split. Raises UsageError for an unknown name, and DataError.

    The test images of a named data set must exist too, so that a run does not fail at its end.
    """
    data = with_absolute_path(data)
    if data.size is not None:
        folder = open_folder(Path(data.name), (3, data.size, data.size), data.max_bad, progress, data.duplicates)
        return LoadedData(folder.images, folder.split(data), folder)
    check_present(data.name)
    return split_images(data, load_dataset(data.name, "train"))


def split_images(data: Data, images: ImageSet) -> LoadedData:
    """Split your own images as the recipe says."""
    return LoadedData(images, split(images.labels, data.validation, data.split_seed, data.share))


def open_test_images(name: str, shape: ImageShape, class_names: tuple[str, ...]) -> Callable[[], ImageSet]:
    """A function that loads the test images of a named data set, which may be another than the training one.

    shape, class_names: of the net's training images. Missing files raise at once, and so do images that the net cannot
    be evaluated on: see `check_evaluable`.
    """
    check_evaluable(name, shape, class_names)
    return lambda: load_dataset(name, "test")
