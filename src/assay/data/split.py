"""Splitting images into training, validation and test: stratified, seeded, near-duplicates together, storable.

A named data set has its own test set. For a folder the split also has the test images.
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
    """The indices of the training, validation and test images, int64, each ascending.

    test is empty if the test images are a set of their own. Raises DataError for an index that occurs twice.
    """

    train: Indices
    validation: Indices
    test: Indices = field(default_factory=lambda: np.empty(0, np.int64))

    def __post_init__(self) -> None:
        """Check that no index occurs twice."""
        indices = np.concatenate([self.train, self.validation, self.test])
        if (
            indices.dtype != np.int64
            or indices.ndim != 1
            or (indices < 0).any()
            or len(np.unique(indices)) < len(indices)
        ):
            raise DataError("a split names an image once at most, in training, validation or test")

    def is_same(self, other: "Split") -> bool:
        """Whether the same images are in the same parts."""
        pairs = ((self.train, other.train), (self.validation, other.validation), (self.test, other.test))
        return all(np.array_equal(own, others) for own, others in pairs)

    def save(self, path: Path) -> None:
        """Write an .npz file atomically. Raises AssayError if it cannot be written."""
        arrays = {"train": self.train, "validation": self.validation, "test": self.test}
        atomic_save(path, lambda temporary: np.savez(temporary, allow_pickle=False, **arrays))

    @classmethod
    def load(cls, path: Path) -> "Split":
        """Read a file written by `save`. Raises DataError if it is missing or damaged."""
        try:
            # numpy does not close a file that it opened itself if the zip is damaged
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
    """Hold out `fraction` of the images for validation, stratified by class; train on `share` of the rest.

    labels: int64 (N,). The validation set depends on neither the run's seed nor `share`. groups: int64 (N,); images of
    a group stay together, so a class may get a few images more or less. Every class keeps an image for training: one
    that would lose its last to validation or to `share` does not.
    """
    generator = np.random.default_rng(stream_seed(seed, stream))
    validation = _draw_validation(labels, fraction, generator, groups)
    train = np.setdiff1d(np.arange(len(labels)), validation)
    return Split(train if share == 1 else train[_draw_share(labels[train], share, generator)], validation)


def _draw_share(labels: Indices, share: float, generator: np.random.Generator) -> Indices:
    """The positions, ascending, of a share of each class, at least one image of each."""
    quotas, orders = _quotas(labels, share), _shuffle_classes(labels, generator)
    return _take(orders, np.maximum(quotas, np.minimum(np.bincount(labels), 1)))


def _draw_validation(
    labels: Indices, fraction: float, generator: np.random.Generator, groups: Indices | None
) -> Indices:
    """The positions, ascending, of a fraction of each class, but never of its last image."""
    orders = _shuffle_classes(labels, generator)
    quotas = np.minimum(_quotas(labels, fraction), np.maximum(np.bincount(labels) - 1, 0))
    return _take(orders, quotas) if groups is None else _take_groups(labels, quotas, np.concatenate(orders), groups)


def _quotas(labels: Indices, fraction: float) -> Indices:
    """How many images of each class make up round(fraction * N) images, int64 (classes,).

    Each class gets the integer part of its share; the largest remainders get the images that are left (Hamilton's
    method), ties go to the lower label.
    """
    counts = np.bincount(labels)
    total = round(fraction * len(labels))
    quotas, remainders = np.divmod(counts * total, max(1, len(labels)))
    left_over = total - int(quotas.sum())
    quotas[np.argsort(-remainders, kind="stable")[:left_over]] += 1
    return quotas


def _shuffle_classes(labels: Indices, generator: np.random.Generator) -> list[Indices]:
    """The positions of each class, in random order."""
    return [generator.permutation(np.flatnonzero(labels == label)) for label in range(len(np.bincount(labels)))]


def _take(orders: list[Indices], quotas: Indices) -> Indices:
    """The first positions of each class, as many as its quota, ascending."""
    draws = [order[:quota] for order, quota in zip(orders, quotas.tolist(), strict=True)]
    return np.sort(np.concatenate([np.empty(0, np.int64), *draws]))


def _take_groups(labels: Indices, quotas: Indices, order: Indices, groups: Indices) -> Indices:
    """Take images in this order, each with its whole group.

    First those that fit into the quotas of all their classes. Then, for classes that have only larger groups left,
    those that bring the counts nearer to the quotas and leave every class an image.
    """
    left, spare, mask = quotas.copy(), np.bincount(labels) - 1, np.zeros(len(labels), bool)
    members = np.split(np.argsort(groups, kind="stable"), np.flatnonzero(np.diff(np.sort(groups))) + 1)
    group_of = np.unique(groups, return_inverse=True)[1]
    for may_exceed in (False, True):
        for image in order.tolist():
            if mask[image] or left[labels[image]] <= 0:
                continue
            group = members[group_of[image]]
            classes, needs = np.unique(labels[group], return_counts=True)
            room = left[classes]
            fits = (needs <= room).all()
            if not fits and may_exceed:
                fits = np.abs(room - needs).sum() < np.abs(room).sum() and (needs <= spare[classes]).all()
            if fits:
                left[classes] -= needs
                spare[classes] -= needs
                mask[group] = True
    return np.flatnonzero(mask)
