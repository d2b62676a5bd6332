"""The named data sets: which there are, where their files lie (and those of weights), and how to load one."""

import os
from pathlib import Path

import platformdirs

from assay.core.registry import Registry
from assay.data.datasets.cifar10 import CIFAR10
from assay.data.datasets.dataset import Part, Source
from assay.data.datasets.fashion_mnist import FASHION_MNIST
from assay.data.datasets.mnist import MNIST
from assay.data.imageset import ImageSet

SOURCES: Registry[Source] = Registry("data set")
for _source in (CIFAR10, FASHION_MNIST, MNIST):
    SOURCES.add(_source.name)(_source)


def data_root() -> Path:
    """The folder that holds the data sets: $ASSAY_DATA, else the user's cache folder for assay."""
    given = os.environ.get("ASSAY_DATA")
    return Path(given).expanduser() if given else Path(platformdirs.user_cache_dir("assay"))


def weights_folder() -> Path:
    """The folder that holds files of pretrained weights: $ASSAY_WEIGHTS, else `weights` beside the data sets."""
    given = os.environ.get("ASSAY_WEIGHTS")
    return Path(given).expanduser() if given else data_root() / "weights"


def check_present(name: str, root: Path | None = None) -> None:
    """Raise DataError unless all files of the data set are there, test set and all; only their names are looked at."""
    SOURCES[name].check_present(root or data_root())


def load(name: str, part: Part, root: Path | None = None) -> ImageSet:
    """The training or the test images of a named data set, checked against their checksums.

    Raises UsageError for a name that nobody knows, DataError for files that are missing or damaged. LoadedData one part
    does not touch the files of the other.
    """
    return SOURCES[name].load(part, root or data_root())
