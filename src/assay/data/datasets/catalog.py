"""Loading a named data set, and the folder that holds them all."""

import os
from pathlib import Path

import platformdirs

from assay.data.datasets.dataset import OfficialSplit
from assay.data.datasets.registry import DATASETS
from assay.data.imageset import ImageSet


def data_root() -> Path:
    """The folder that holds the data sets: $ASSAY_DATA, or assay's folder in the user's cache."""
    folder = os.environ.get("ASSAY_DATA")
    return Path(folder).expanduser() if folder else Path(platformdirs.user_cache_dir("assay"))


def weights_folder() -> Path:
    """The folder that holds files of pretrained weights: $ASSAY_WEIGHTS, else `weights` beside the data sets."""
    given = os.environ.get("ASSAY_WEIGHTS")
    return Path(given).expanduser() if given else data_root() / "weights"


def check_present(name: str, root: Path | None = None) -> None:
    """Raise DataError unless all files of the data set exist, including the test set. Does not read them."""
    DATASETS[name].check_present(root or data_root())


def load_dataset(name: str, split: OfficialSplit, root: Path | None = None) -> ImageSet:
    """Load the training or test images of a named data set, checked against their checksums.

    The files of the other split are not touched. Raises UsageError for an unknown name, DataError for missing or
    damaged files.
    """
    return DATASETS[name].load(split, root or data_root())
