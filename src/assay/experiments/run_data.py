"""The images that a run is evaluated on: its own validation or test images, or those of other data."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import UsageError
from assay.core.progress import ProgressCallback, silent
from assay.data.imageset import ImageSet, ImageShape
from assay.data.load import load_data, open_test_images
from assay.data.location import absolute_path, is_path
from assay.data.split import Split
from assay.experiments.run import Run, SplitName
from assay.recipes.schema import Data


@dataclass(frozen=True)
class Selection:
    """name: the set's full name, `cifar10/test`. read: reads the images. indices: their places in their data set."""

    name: str
    read: Callable[[], ImageSet]
    indices: NDArray[np.int64] | None = None


def select_validation_images(run: Run, images: ImageSet | None, progress: ProgressCallback = silent) -> Selection:
    """The validation images of a run, from its own data or from your `images`, all that were split.

    Raises UsageError if the run has none, DataError if the images are not those that it was trained on.
    """
    split = Split.load(run.folder / "split.npz")
    if not len(split.validation):
        raise UsageError(f"{run.name} kept no images for validation")
    images = read_images(run, progress) if images is None else images
    run.check_images(images)
    name = SplitName.VALIDATION.of(run.recipe.data.display_name)
    return Selection(name, lambda: images.subset(split.validation), split.validation)


def select_test_images(
    run: Run, data: str, images: ImageSet | None, shape: ImageShape, progress: ProgressCallback = silent
) -> Selection:
    """The test images that `data` stands for. Missing files are an error here, before the look is counted.

    data: `test`, a named data set, or a folder or table of photos. images: your own, which `data` names.
    shape: (C, H, W) that the run's net takes. Raises UsageError and DataError.
    """
    run_data = run.recipe.data
    if images is not None:
        return Selection(SplitName.TEST.of(run_data.name if data == SplitName.TEST else data), lambda: images)
    if data == SplitName.TEST or (is_path(data) and str(absolute_path(data)) == run_data.name):
        if is_path(run_data.name):
            split = Split.load(run.folder / "split.npz")
            if not len(split.test):
                raise UsageError(f"{run.name} has no test images of its own; give others, a folder or a data set")
            return _folder_test_images(run, split, progress)
        data = run_data.name
    return Selection(
        SplitName.TEST.of(_display_name(data, run_data)),
        open_test_images(data, shape, tuple(run.read_json("config.json")["class_names"]), run_data.max_bad, progress),
    )


def read_images(run: Run, progress: ProgressCallback = silent) -> ImageSet:
    """All images that a run splits into training, validation and, of a folder, test images. Raises DataError."""
    return load_data(run.recipe.data, progress).images


def _folder_test_images(run: Run, split: Split, progress: ProgressCallback) -> Selection:
    images = read_images(run, progress)
    run.check_images(images)
    return Selection(run.test_set, lambda: images.subset(split.test), split.test)


def _display_name(name: str, run_data: Data) -> str:
    """The name of other data in looks and results; never that of the run's own data."""
    if not is_path(name):
        return name
    path = str(absolute_path(name))
    display_name = Data(name=path).display_name
    return path if display_name == run_data.display_name else display_name
