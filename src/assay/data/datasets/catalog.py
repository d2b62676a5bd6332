"""Loading a named data set by its name."""

from pathlib import Path

from assay.core.folders import data_root
from assay.data.datasets.dataset import OfficialSplit
from assay.data.datasets.registry import DATASETS
from assay.data.image_checks import check_fits
from assay.data.imageset import ImageSet, ImageShape


def check_present(name: str, root: Path | None = None) -> None:
    """Raise DataError unless all files of the data set exist, including the test set. Does not read them."""
    DATASETS[name].check_present(root or data_root())


def check_evaluable(name: str, shape: ImageShape, class_names: tuple[str, ...]) -> None:
    """Raise DataError for missing files, UsageError unless a net of these images (C, H, W) and classes fits the set."""
    check_present(name)
    check_fits(name, (DATASETS[name].shape, DATASETS[name].class_names), (shape, class_names))


def load_dataset(name: str, split: OfficialSplit, root: Path | None = None) -> ImageSet:
    """Load the training or test images of a named data set, checked against their checksums.

    The files of the other split are not touched. Raises UsageError for an unknown name, DataError for missing or
    damaged files.
    """
    return DATASETS[name].load(split, root or data_root())
