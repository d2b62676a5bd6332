"""The images that a run is evaluated on: its own validation or test images, or those of other data."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import DataError, UsageError
from assay.core.progress import ProgressCallback, silent
from assay.data.folders.folder import open_folder
from assay.data.imageset import ImageSet, ImageShape
from assay.data.load import load_data, open_test_images
from assay.data.location import absolute_path, is_path
from assay.data.split import Split
from assay.experiments.run import Run, SplitName


@dataclass(frozen=True)
class Selection:
    """name: the set's full name, `cifar10/test`. read: reads the images. indices: their places in their data set.

    needs_check: whether the run may have used some of them in its training; not so for its own validation images and
    for the published test set of its own data.
    """

    name: str
    read: Callable[[], ImageSet]
    indices: NDArray[np.int64] | None = None
    needs_check: bool = True


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
    return Selection(name, lambda: images.subset(split.validation), split.validation, needs_check=False)


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
    data = run_data.name if data == SplitName.TEST else data
    if is_path(data):
        return _select_from_folder(run, absolute_path(data), shape, progress)
    read = open_test_images(data, shape, _class_names(run))
    return Selection(SplitName.TEST.of(data), read, needs_check=data != run_data.name)


def read_images(run: Run, progress: ProgressCallback = silent) -> ImageSet:
    """All images that a run splits into training, validation and, of a folder, test images. Raises DataError."""
    return load_data(run.recipe.data, progress).images


def _select_from_folder(run: Run, path: Path, shape: ImageShape, progress: ProgressCallback) -> Selection:
    """The test images of a folder: the run's own if it was trained on these very images, wherever they are now."""
    run_data = run.recipe.data
    is_place_of_run = str(path) == run_data.name
    if is_place_of_run and not path.exists():
        raise DataError(
            f"{path}, which {run.name} was trained on, is not there any more; if it was moved, give its new place: "
            f"assay evaluate {run.folder} --data FOLDER"
        )
    folder = open_folder(path, shape, run_data.max_bad, progress)
    if run.was_trained_on(folder.images):
        test = Split.load(run.folder / "split.npz").test
        if not len(test):
            raise UsageError(f"{run.name} has no test images of its own; give others, a folder or a data set")
        return Selection(run.test_set, lambda: folder.images.subset(test), test)
    if is_place_of_run:
        run.check_images(folder.images)
    images = folder.images.subset(folder.test_rows())
    images.check_fits(shape, _class_names(run))
    return Selection(SplitName.TEST.of(_display_name(path, run)), lambda: images)


def _class_names(run: Run) -> tuple[str, ...]:
    return tuple(run.read_json("config.json")["class_names"])


def _display_name(path: Path, run: Run) -> str:
    """The name of another folder in looks and results; never that of the run's own data."""
    run_data = run.recipe.data
    display_name = run_data.model_copy(update={"name": str(path)}).display_name
    return str(path) if display_name == run_data.display_name else display_name
