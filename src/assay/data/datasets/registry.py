"""The registry of named data sets. A file registers its own with `dataset(NamedDataset(...))`."""

from assay.core.registry import Registry
from assay.data.datasets.dataset import NamedDataset

DATASETS: Registry[NamedDataset] = Registry("data set", modules=("assay.data.datasets.*",))


def dataset(entry: NamedDataset) -> NamedDataset:
    """Register a data set under its name, and return it. Raises ValueError for a name that is already taken."""
    return DATASETS.add(entry.name)(entry)
