"""A data set small enough to make by hand, published like the real ones."""

import gzip
import hashlib
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from assay.data.datasets import idx
from assay.data.datasets.dataset import DownloadMirror, Edition, File, NamedDataset


@dataclass
class Toy:
    """A data set of eight training and four test images of 6 x 5 pixels, its published contents, and where it lies."""

    dataset: NamedDataset
    contents: dict[str, bytes]
    root: Path
    images: dict[str, np.ndarray]

    @property
    def folder(self):
        return self.root / "Toy/raw"

    def put(self, name, content=None, packed=False):
        self.folder.mkdir(parents=True, exist_ok=True)
        content = self.contents[name] if content is None else content
        (self.folder / (f"{name}.gz" if packed else name)).write_bytes(gzip.compress(content) if packed else content)


def as_idx(array):
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


@pytest.fixture
def toy(tmp_path):
    generator = np.random.default_rng(0)
    images = {part: generator.integers(0, 256, (n, 6, 5), np.uint8) for part, n in (("train", 8), ("test", 4))}
    contents = {f"{part}-images": as_idx(images[part]) for part in images}
    contents |= {f"{part}-labels": as_idx(np.arange(len(images[part]), dtype=np.uint8) % 2) for part in images}
    files = {
        part: tuple(
            File(name, len(contents[name]), hashlib.md5(contents[name]).hexdigest())
            for name in (f"{part}-images", f"{part}-labels")
        )
        for part in images
    }
    dataset = NamedDataset(
        name="toy",
        class_names=("even", "odd"),
        shape=(1, 6, 5),
        counts={"train": 8, "test": 4},
        editions=(Edition(("Toy/raw",), files, idx.decode),),
        mirror=DownloadMirror("https://example.org/toy/"),
        debian="dataset-toy",
    )
    return Toy(dataset, contents, tmp_path, images)
