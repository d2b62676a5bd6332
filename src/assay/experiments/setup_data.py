"""Step one of a setup: the images, split, with their Preprocess and augmentation."""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import DataError, UsageError, error_section
from assay.core.progress import ProgressCallback
from assay.data.augment.parse import Augment
from assay.data.datasets.catalog import load_dataset
from assay.data.folders.folder import Folder
from assay.data.imageset import ImageSet
from assay.data.load import LoadedData, split_images
from assay.data.load import load_data as read_data
from assay.data.preprocess import Preprocess
from assay.data.split import Split
from assay.data.split_checks import check_test_images, describe_gaps
from assay.experiments.fault_injection import Faults
from assay.models.net_preprocessing import resolve_preprocessing
from assay.models.pretrained import find_hub
from assay.recipes.recipe import Recipe


@dataclass(frozen=True, eq=False)
class TrainingData:
    """images: all that were split, and those of a folder's test part. train, validation: its parts in use.

    read_test: reads the test images when it is called. test_indices: their places in their data set, if they are part
    of `images`. folder: where the images come from, if that is a folder of photos. own_test: your own test images.
    gaps: a line for each set that is far smaller than asked for, or lacks a class.
    is_published: whether `images` are those of a named data set.
    """

    images: ImageSet
    split: Split
    train: ImageSet
    validation: ImageSet | None
    read_test: Callable[[], ImageSet]
    test_indices: NDArray[np.int64] | None
    preprocess: Preprocess
    augment: Augment
    folder: Folder | None = None
    own_test: ImageSet | None = None
    gaps: tuple[str, ...] = ()
    is_published: bool = True

    @property
    def has_published_test(self) -> bool:
        """Whether training and test images are those of one named data set."""
        return self.is_published and self.own_test is None

    @property
    def classes(self) -> int:
        """The number of classes."""
        return len(self.images.class_names)


def load_data(
    recipe: Recipe, faults: Faults, images: ImageSet | None, test: ImageSet | None, has_own_model: bool,
    progress: ProgressCallback,
) -> TrainingData:  # fmt: skip
    """Read and split the images, and fit their Preprocess to the training part. Raises UsageError and DataError.

    images, test: stand in for those that the recipe names. The test images are read here for a fault alone.
    """
    with error_section("augment"):
        augment = Augment.parse(recipe.augment)
    is_own = images is not None
    source = split_images(recipe.data, images) if images is not None else _read(recipe, progress)
    images, split = source.images, faults.split(source.split)
    _check_images(images, split)
    if test is not None:  # at its end, after all the training, would be too late
        test.check_fits(images.shape, images.class_names)
    else:
        check_test_images(source, recipe.data)
    if not faults.validate_on_test:
        _check_validation(recipe, split)
    train = images.subset(split.train)
    preprocess = _fit_preprocess(recipe, train, has_own_model)
    read_test, test_indices = _test_reader(recipe, images, split, test)
    validation = images.subset(split.validation) if len(split.validation) else None
    is_published = source.folder is None and not is_own
    return TrainingData(
        images, split, train, validation, read_test, test_indices, preprocess, augment, source.folder, test,
        tuple(describe_gaps(source, recipe.data)),
        is_published,
    )  # fmt: skip


def _test_reader(
    recipe: Recipe, images: ImageSet, split: Split, test: ImageSet | None
) -> tuple[Callable[[], ImageSet], NDArray[np.int64] | None]:
    """What reads the test images, your own, those of a folder or of a named data set; and their places in a folder."""
    if test is not None:
        return lambda: test, None
    if len(split.test):
        return lambda: images.subset(split.test), split.test
    return lambda: load_dataset(recipe.data.name, "test"), None


def _read(recipe: Recipe, progress: ProgressCallback) -> LoadedData:
    with error_section("data", "name"):
        return read_data(recipe.data, progress)


def _check_images(images: ImageSet, split: Split) -> None:
    if len(images.class_names) < 2:
        raise DataError(f"{images.source}: all images are of one class, {images.class_names[0]}; two are needed")
    if not len(split.train):
        raise DataError(f"{images.source}: no training images are left of {len(images)}")


def _check_validation(recipe: Recipe, split: Split) -> None:
    """Refuse a share that rounds to no image where the training depends on validation images."""
    watchers = ["stopping.patience"] if recipe.stopping.patience else []
    watchers += [f"the schedule {recipe.schedule.name}"] if recipe.schedule.needs_validation else []
    if watchers and not len(split.validation):
        n = len(split.train)
        raise UsageError(
            f"{recipe.data.validation:g} of {n:,} images leaves none for validation, which {' and '.join(watchers)} "
            f"{'watch' if len(watchers) > 1 else 'watches'}; raise it to {ceil(100 / n) / 100:g} or more",
            at=("data", "validation"),
        )


def _fit_preprocess(recipe: Recipe, train: ImageSet, has_own_model: bool) -> Preprocess:
    """The recipe's Preprocess; gray images become color for a pretrained net, which takes nothing else."""
    with error_section("preprocess"):
        spec = resolve_preprocessing(recipe.preprocess, recipe.model)
        color = not has_own_model and bool(find_hub(recipe.model.name))
        return Preprocess.fit(spec, train, color=color)
