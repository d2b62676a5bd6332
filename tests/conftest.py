"""What all tests share: one thread, and real data where there is some."""

import os
from pathlib import Path

import pytest
import torch

torch.set_num_threads(1)  # a busy neighbour ruins OpenMP with more


@pytest.fixture(scope="session")
def data_root() -> Path:
    """The folder with real data sets; tests that need it are skipped where $ASSAY_DATA is not set."""
    root = os.environ.get("ASSAY_DATA")
    if not root or not (Path(root) / "FashionMNIST").is_dir() or not (Path(root) / "cifar-10-batches-py").is_dir():
        pytest.skip("real data needed: set ASSAY_DATA to a folder with FashionMNIST/ and cifar-10-batches-py/")
    return Path(root)
