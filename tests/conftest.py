"""What all tests share: one thread, a tiny task that needs no file, and real data where there is some."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from assay.data.imageset import ImageSet
from assay.recipe import Recipe

torch.set_num_threads(1)  # a busy neighbour ruins OpenMP with more


@pytest.fixture(scope="session")
def data_root() -> Path:
    """The folder with real data sets; tests that need it are skipped where $ASSAY_DATA is not set."""
    root = os.environ.get("ASSAY_DATA")
    if not root or not (Path(root) / "FashionMNIST").is_dir() or not (Path(root) / "cifar-10-batches-py").is_dir():
        pytest.skip("real data needed: set ASSAY_DATA to a folder with FashionMNIST/ and cifar-10-batches-py/")
    return Path(root)


def bars(n: int, seed: int = 0) -> ImageSet:
    """Grey 8x8 images (n, 1, 8, 8) of three classes that a tiny net learns: a bright left, middle or right third."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 3, n)
    images = generator.integers(0, 120, (n, 1, 8, 8), dtype=np.uint8)
    for i, label in enumerate(labels):
        images[i, :, :, 3 * label : 3 * label + 2] += 100
    return ImageSet(images, labels.astype(np.int64), ("left", "middle", "right"), "bars")


@pytest.fixture
def images() -> ImageSet:
    """200 training images of bars."""
    return bars(200)


@pytest.fixture
def test_images() -> ImageSet:
    """100 other images of bars."""
    return bars(100, seed=1)


@pytest.fixture
def recipe() -> Recipe:
    """A small net for bars, with dropout, batch norm and augmentation, so that all random streams are in use."""
    return Recipe.build(
        {
            "name": "tests/bars",
            "model": {"layers": ["conv 4 3x3", "relu", "batchnorm", "flatten", "dropout 0.2", "linear 3"]},
            "augment": ["crop 1"],
            "optimiser": {"name": "sgd", "lr": 0.05},
            "training": {"epochs": 3, "batch_size": 32},
        }
    )
