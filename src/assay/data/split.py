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
    """Which images train and which validate: int64 indices, each ascending. An image named twice raises DataError."""

    train: Indices
    validation: Indices

    def __post_init__(self) -> None:
        """Check that no image is named twice."""
        both = np.concatenate([self.train, self.validation])
        if both.dtype != np.int64 or both.ndim != 1 or (both < 0).any() or len(np.unique(both)) < len(both):
            raise DataError("a split names an image once at most, in either training or validation")

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


def split(labels: Indices, fraction: float, seed: int, share: float = 1.0) -> Split:
    """Keep `fraction` of the images, of each class alike, apart for validation; train on `share` of the others.

    labels: int64 (N,). The validation set depends on neither the run's seed nor `share`.
    """
    generator = np.random.default_rng(stream_seed(seed, Stream.SPLIT))
    validation = _drawn(labels, fraction, generator)
    train = np.setdiff1d(np.arange(len(labels)), validation)
    return Split(train if share == 1 else train[_drawn(labels[train], share, generator)], validation)


def _drawn(labels: Indices, fraction: float, generator: np.random.Generator) -> Indices:
    """The places of exactly round(fraction * N) of the labels, drawn and ascending.

    The classes get the whole part of their share, and the largest remainders the images left over (Hamilton's method),
    ties to the lower label.
    """
    counts = np.bincount(labels)
    wanted = round(fraction * len(labels))
    quotas, remainders = np.divmod(counts * wanted, max(1, len(labels)))
    left_over = wanted - int(quotas.sum())
    quotas[np.argsort(-remainders, kind="stable")[:left_over]] += 1
    chosen = [
        generator.permutation(np.flatnonzero(labels == label))[:quota] for label, quota in enumerate(quotas.tolist())
    ]
    return np.sort(np.concatenate([np.empty(0, np.int64), *chosen]))
