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
    a group stay together, so a class may get a few images less. Every class keeps an image for training.
    """
    generator = np.random.default_rng(stream_seed(seed, stream))
    validation = _draw(labels, fraction, generator, groups)
    train = np.setdiff1d(np.arange(len(labels)), validation)
    return Split(train if share == 1 else train[_draw(labels[train], share, generator)], validation)


FOLDS = 5


def draw_fold(labels: Indices, groups: Indices, seed: int, number: int) -> Indices:
    """The indices, ascending, of one fold of FOLDS, stratified by class, with groups together.

    labels, groups: int64 (N,). Every image is in one fold, except for classes that would lie entirely in one fold (of a
    single image or group): no net could be trained on them, so they are in none.
    """
    remainder = np.arange(len(labels))
    for earlier in range(number + 1):
        fold, remainder = _draw_next_fold(labels, groups, seed, remainder, FOLDS - earlier)
    counts = np.bincount(labels)
    is_whole = np.bincount(labels[fold], minlength=len(counts)) == counts
    output: Indices = fold[~is_whole[labels[fold]]]
    return output


def _draw_next_fold(
    labels: Indices, groups: Indices, seed: int, remainder: Indices, folds: int
) -> tuple[Indices, Indices]:
    """One of `folds` folds drawn from the indices `remainder`, and the indices that remain."""
    if folds == 1:
        return remainder, remainder[:0]
    parts = split(labels[remainder], 1 / folds, seed, groups=groups[remainder], stream=Stream.TEST)
    return remainder[parts.validation], remainder[parts.train]


def _draw(labels: Indices, fraction: float, generator: np.random.Generator, groups: Indices | None = None) -> Indices:
    """Draw the positions, ascending, of exactly round(fraction * N) labels.

    Each class gets the integer part of its share; the largest remainders get the images that are left (Hamilton's
    method), ties go to the lower label.
    """
    counts = np.bincount(labels)
    total = round(fraction * len(labels))
    quotas, remainders = np.divmod(counts * total, max(1, len(labels)))
    left_over = total - int(quotas.sum())
    quotas[np.argsort(-remainders, kind="stable")[:left_over]] += 1
    orders = [generator.permutation(np.flatnonzero(labels == label)) for label in range(len(counts))]
    if groups is not None:
        return _draw_groups(labels, np.minimum(quotas, np.maximum(counts - 1, 0)), np.concatenate(orders), groups)
    draws = [order[:quota] for order, quota in zip(orders, quotas.tolist(), strict=True)]
    return np.sort(np.concatenate([np.empty(0, np.int64), *draws]))


def _draw_groups(labels: Indices, quotas: Indices, order: Indices, groups: Indices) -> Indices:
    """Take images in this order, each with its whole group, as long as no class exceeds its quota."""
    left, mask = quotas.copy(), np.zeros(len(labels), bool)
    members = np.split(np.argsort(groups, kind="stable"), np.flatnonzero(np.diff(np.sort(groups))) + 1)
    group_of = np.unique(groups, return_inverse=True)[1]
    for image in order.tolist():
        if mask[image] or left[labels[image]] <= 0:
            continue
        group = members[group_of[image]]
        needs = np.bincount(labels[group])
        if (needs <= left[: len(needs)]).all():
            left[: len(needs)] -= needs
            mask[group] = True
    return np.flatnonzero(mask)
