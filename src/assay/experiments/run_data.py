"""Which images a run is judged on: its own validation and test images, or those of other data."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import UsageError
from assay.data.imageset import ImageSet, ImageShape
from assay.data.load import load_data, open_test_images
from assay.data.location import absolute_path, is_path
from assay.data.split import Split
from assay.experiments.run import Run
from assay.recipes.schema import Data
from assay.report.terminal import progress_bar

Chosen = tuple[str, Callable[[], ImageSet], NDArray[np.int64] | None]  # a set's full name, what reads it, its places


def _called(name: str, own: Data) -> str:
    """What other data are called in looks and results, never as the run's own."""
    called = Data(name=str(absolute_path(name))).display_name if is_path(name) else name
    return str(absolute_path(name)) if is_path(name) and called == own.display_name else called


def validation_images(run: Run, images: ImageSet | None) -> Chosen:
    """The validation images of a run, from its own data or from all of one's own images.

    Raises UsageError where it kept none, DataError where the images are not those that it was trained on.
    """
    own, parts = run.recipe.data, Split.load(run.folder / "split.npz")
    if not len(parts.validation):
        raise UsageError(f"{run.name} kept no images for validation")
    found = own_images(run) if images is None else images
    run.check_images(found)
    return f"{own.display_name}/validation", lambda: found.subset(parts.validation), parts.validation


def test_images(run: Run, data: str, images: ImageSet | None, shape: ImageShape) -> Chosen:
    """The test images that `data` means for a run; what is missing is found missing here, before the look is counted.

    data: `test`, a named data set, or a folder or table of photographs. images: one's own, which `data` names.
    shape: (C, H, W) that the run's net takes. Raises UsageError and DataError.
    """
    own = run.recipe.data
    if images is not None:
        return f"{own.name if data == 'test' else data}/test", lambda: images, None
    if data == "test" or (is_path(data) and str(absolute_path(data)) == own.name):
        if is_path(own.name) and len((parts := Split.load(run.folder / "split.npz")).test):
            found = own_images(run)
            run.check_images(found)
            return f"{own.display_name}/test", lambda: found.subset(parts.test), parts.test
        data = own.name
    with progress_bar("reading images", talks=True) as reading:
        read_test = open_test_images(data, shape, own.max_bad, reading)
    return f"{_called(data, own)}/test", read_test, None


def own_images(run: Run) -> ImageSet:
    """All images that a run's training, validation and, of a folder, test images come from. Raises DataError."""
    with progress_bar("reading images", talks=True) as reading:
        return load_data(run.recipe.data, reading).images
