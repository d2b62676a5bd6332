"""The data set `stripes`: gray 8x8 images of horizontal and vertical stripes.

The files in the package list one image per line: its class, the offset of its stripes and the seed of its noise.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from assay.data.datasets.dataset import Arrays, DownloadMirror, Edition, File, NamedDataset
from assay.data.datasets.registry import dataset

CLASSES = ("horizontal", "vertical")


def decode(contents: Sequence[bytes]) -> Arrays:
    """Draw the images that a file lists: uint8 (N, 1, 8, 8) and labels int64 (N,)."""
    lines = [line.split() for line in contents[0].decode().splitlines()]
    images = np.stack([draw(label, int(offset), int(seed)) for label, offset, seed in lines])
    return images[:, None], np.array([CLASSES.index(label) for label, _, _ in lines], np.int64)


def draw(label: str, offset: int, seed: int) -> np.ndarray:
    """One image, uint8 (8, 8)."""
    rows = np.arange(8)[:, None] + np.zeros(8, int)
    stripes = ((rows + offset) // 2) % 2 * 120
    noise = np.random.default_rng(seed).integers(0, 100, (8, 8))
    image = (stripes + noise).astype(np.uint8)
    return image if label == "horizontal" else image.T


STRIPES = dataset(
    NamedDataset(
        name="stripes",
        class_names=CLASSES,
        shape=(1, 8, 8),
        counts={"train": 200, "test": 100},
        editions=(
            Edition(
                folders=(str(Path(__file__).parent / "files"),),
                files={
                    "train": (File("train.txt", 3_078, "16947bf4bedb57a49519aebc95ac20da"),),
                    "test": (File("test.txt", 1_604, "05aebce55357b5dd0dae5772c8821ddf"),),
                },
                decode=decode,
            ),
        ),
        mirror=DownloadMirror("https://example.org/stripes/"),  # not needed: the files come with the package
    )
)
