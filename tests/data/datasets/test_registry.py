"""A data set is registered under its own name, once."""

import pytest

from assay.data.datasets.catalog import load_dataset
from assay.data.datasets.registry import DATASETS, dataset


def test_a_registered_data_set_is_loaded_by_name(toy):
    for name in toy.contents:
        toy.put(name)
    with DATASETS.replaced("toy", toy.dataset):
        assert len(load_dataset("toy", "test", toy.root)) == 4


def test_a_name_is_registered_once():
    with pytest.raises(ValueError, match="data set 'mnist' is registered twice"):
        dataset(DATASETS["mnist"])
