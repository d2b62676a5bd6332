"""The split of images into training and validation: stratified, seeded, near-duplicates together, storable.

A named data set's test images are apart from the start; of a folder a split names them too.
"""

import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import DataError
from assay.core.files import atomic_save
from assay.core.randomness import Stream, stream_seed

Indices = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Split:
    """Which images train, which validate, and which of the same set test: int64 indices, each ascending.

    test is empty where the test images are a set of their own. An image named twice raises DataError.
    """

    train: Indices
    validation: Indices
    test: Indices = field(default_factory=lambda: np.empty(0, np.int64))

    def __post_init__(self) -> None:
        """Check that no image is named twice."""
        named = np.concatenate([self.train, self.validation, self.test])
        if named.dtype != np.int64 or named.ndim != 1 or (named < 0).any() or len(np.unique(named)) < len(named):
            raise DataError("a split names an image once at most, in training, validation or test")

    def save(self, path: Path) -> None:
        """Write an .npz file, whole. Raises AssayError when the disk refuses."""
        arrays = {"train": self.train, "validation": self.validation, "test": self.test}
        atomic_save(path, lambda temporary: np.savez(temporary, allow_pickle=False, **arrays))

    @classmethod
    def load(cls, path: Path) -> "Split":
        """Read what `save` wrote. Raises DataError for a missing or damaged file."""
        try:
            # numpy leaves a file that it opened itself open when the zip is damaged
            with path.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
                names = ("train", "validation", "test") if "test" in arrays else ("train", "validation")
                return cls(*(arrays[name] for name in names))
        except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile, DataError) as error:
            raise DataError(f"{path} is not a stored split: {error}") from error


def split(
    labels: Indices,
    fraction: float,
    seed: int,
    share: float = 1.0,
    groups: Indices | None = None,
    stream: Stream = Stream.SPLIT,
) -> Split:
    """Keep `fraction` of the images, of each class alike, apart for validation; train on `share` of the others.

    labels: int64 (N,). The validation set depends on neither the run's seed nor `share`. groups: int64 (N,); images of
    one group stay on one side, which may leave a class a few images short; every class keeps one for training.
    """
    generator = np.random.default_rng(stream_seed(seed, stream))
    validation = _drawn(labels, fraction, generator, groups)
    train = np.setdiff1d(np.arange(len(labels)), validation)
    return Split(train if share == 1 else train[_drawn(labels[train], share, generator)], validation)


FOLDS = 5


def fold(labels: Indices, groups: Indices, seed: int, number: int) -> Indices:
    """The places, ascending, of the images of one fold in FOLDS: of each class alike, groups whole.

    labels, groups: int64 (N,). Every image is in one fold, but for classes that would lie in one fold altogether, of a
    single image or group: no net could learn what it is judged by, so these are in none.
    """
    left = np.arange(len(labels))
    for earlier in range(number + 1):
        share = 1 / (FOLDS - earlier)
        drawn = split(labels[left], share, seed, groups=groups[left], stream=Stream.TEST) if share < 1 else None
        chosen, left = (left, left[:0]) if drawn is None else (left[drawn.validation], left[drawn.train])
    counts = np.bincount(labels)
    whole = np.bincount(labels[chosen], minlength=len(counts)) == counts
    kept: Indices = chosen[~whole[labels[chosen]]]
    return kept


def _drawn(labels: Indices, fraction: float, generator: np.random.Generator, groups: Indices | None = None) -> Indices:
    """The places of exactly round(fraction * N) of the labels, drawn and ascending.

    The classes get the whole part of their share, and the largest remainders the images left over (Hamilton's method),
    ties to the lower label.
    """
    counts = np.bincount(labels)
    wanted = round(fraction * len(labels))
    quotas, remainders = np.divmod(counts * wanted, max(1, len(labels)))
    left_over = wanted - int(quotas.sum())
    quotas[np.argsort(-remainders, kind="stable")[:left_over]] += 1
    orders = [generator.permutation(np.flatnonzero(labels == label)) for label in range(len(counts))]
    if groups is not None:
        return _whole_groups(labels, np.minimum(quotas, np.maximum(counts - 1, 0)), np.concatenate(orders), groups)
    chosen = [order[:quota] for order, quota in zip(orders, quotas.tolist(), strict=True)]
    return np.sort(np.concatenate([np.empty(0, np.int64), *chosen]))


def _whole_groups(labels: Indices, quotas: Indices, order: Indices, groups: Indices) -> Indices:
    """In this order, every image with its whole group, where no class gets more than its quota."""
    left, chosen = quotas.copy(), np.zeros(len(labels), bool)
    members = np.split(np.argsort(groups, kind="stable"), np.flatnonzero(np.diff(np.sort(groups))) + 1)
    group_of = np.unique(groups, return_inverse=True)[1]
    for image in order.tolist():
        if chosen[image] or left[labels[image]] <= 0:
            continue
        places = members[group_of[image]]
        wanted = np.bincount(labels[places])
        if (wanted <= left[: len(wanted)]).all():
            left[: len(wanted)] -= wanted
            chosen[places] = True
    return np.flatnonzero(chosen)
