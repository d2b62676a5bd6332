"""The named data sets, and where they are looked for."""

import pytest

from assay.core.errors import DataError, UsageError
from assay.data.datasets.catalog import load_dataset
from assay.data.datasets.registry import DATASETS


def test_load_looks_in_the_data_root(monkeypatch, tmp_path):
    monkeypatch.setenv("ASSAY_DATA", str(tmp_path))
    with pytest.raises(DataError, match=str(tmp_path / "MNIST/raw")):
        load_dataset("mnist", "train")


def test_an_unknown_data_set_shows_the_nearest_names():
    with pytest.raises(UsageError, match="unknown data set 'fashion_mnist'; did you mean fashion-mnist"):
        load_dataset("fashion_mnist", "train")


@pytest.mark.parametrize("name", ["cifar10", "fashion-mnist", "mnist"])
def test_every_edition_lists_both_parts(name):
    dataset = DATASETS[name]
    assert dataset.name == name
    assert len(dataset.class_names) == 10
    for edition in dataset.editions:
        assert len({file.md5 for file in edition.all_files}) == len(edition.all_files)
        for split, count in dataset.counts.items():
            pixels = count * dataset.shape[0] * dataset.shape[1] * dataset.shape[2]
            assert pixels + count <= sum(file.size for file in edition.files[split]) < 1.02 * pixels


@pytest.mark.data
def test_fashion_mnist_becomes_the_published_data_set(data_root):
    images = load_dataset("fashion-mnist", "test", data_root)
    assert images.images.shape == (10_000, 1, 28, 28)
    assert images.class_counts().tolist() == [1000] * 10
    assert [images.class_names[label] for label in images.labels[:3]] == ["ankle boot", "pullover", "trouser"]
