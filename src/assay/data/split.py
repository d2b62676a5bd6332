"""The split of the training images into training and validation: stratified, seeded, storable. No test set here."""

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assay.errors import DataError
from assay.files import save_whole
from assay.runtime import Stream, stream_seed

Indices = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Split:
    """Which images train and which validate: int64 indices, each ascending.

    Together they name every image 0..N-1 once; anything else raises DataError.
    """

    train: Indices
    validation: Indices

    def __post_init__(self) -> None:
        """Check that the two are disjoint and complete."""
        both = np.concatenate([self.train, self.validation])
        if both.dtype != np.int64 or both.ndim != 1 or not np.array_equal(np.sort(both), np.arange(len(both))):
            raise DataError("a split must name every image once, in either training or validation")

    def save(self, path: Path) -> None:
        """Write an .npz file, whole. Raises AssayError when the disk refuses."""
        save_whole(path, lambda temporary: np.savez(temporary, train=self.train, validation=self.validation))

    @classmethod
    def load(cls, path: Path) -> "Split":
        """Read what `save` wrote. Raises DataError for a missing or damaged file."""
        try:
            # numpy leaves a file that it opened itself open when the zip is damaged
            with path.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
                return cls(arrays["train"], arrays["validation"])
        except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile, DataError) as error:
            raise DataError(f"{path} is not a stored split: {error}") from error


def split(labels: Indices, fraction: float, seed: int) -> Split:
    """Keep `fraction` of the images, of each class alike, apart for validation.

    labels: int64 (N,). The validation set has exactly round(fraction * N) images; the classes get the whole part of
    their share, and the largest remainders the images left over (Hamilton's method), ties to the lower label.
    """
    counts = np.bincount(labels)
    wanted = round(fraction * len(labels))
    quotas, remainders = np.divmod(counts * wanted, max(1, len(labels)))
    left_over = wanted - int(quotas.sum())
    quotas[np.argsort(-remainders, kind="stable")[:left_over]] += 1
    generator = np.random.default_rng(stream_seed(seed, Stream.SPLIT))
    chosen = [
        generator.permutation(np.flatnonzero(labels == label))[:quota] for label, quota in enumerate(quotas.tolist())
    ]
    validation = np.sort(np.concatenate([np.empty(0, np.int64), *chosen]))
    return Split(np.setdiff1d(np.arange(len(labels)), validation), validation)
