"""Groups of replicates, and whether two of them can be compared."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import DataError, UsageError
from assay.evaluation.image_identity import UNKNOWN_IMAGES, ImageIdentity
from assay.evaluation.predictions import Predictions


@dataclass(frozen=True, eq=False)
class Group:
    """Runs of one recipe that differ only in their seed, with their predictions on the same images.

    images: which data set's images these are, as far as the runs know.
    """

    name: str
    predictions: tuple[Predictions, ...]
    seeds: tuple[int, ...]
    images: ImageIdentity = UNKNOWN_IMAGES

    @property
    def hits(self) -> NDArray[np.bool_]:
        """Whether each run classified each image correctly, bool (S, N)."""
        return np.stack([run.predicted == run.labels for run in self.predictions])

    @property
    def accuracies(self) -> NDArray[np.float64]:
        """Accuracy of each run, float64 (S,)."""
        accuracies: NDArray[np.float64] = self.hits.mean(axis=1)
        return accuracies


def check_comparable(first: Group, second: Group) -> None:
    """Raise DataError unless both were evaluated on the same images, and UsageError for one run against several."""
    _check_same_images([first, second])
    _check_run_counts(first, second)


def _check_run_counts(first: Group, second: Group) -> None:
    runs = len(first.seeds), len(second.seeds)
    if min(runs) == 1 < max(runs):
        counts = f"{first.name} has {runs[0]} run{'s' if runs[0] > 1 else ''} and {second.name} {runs[1]}"
        raise UsageError(f"{counts}; give each at least two, or both one")


def _check_same_images(groups: Sequence[Group]) -> None:
    """Raise DataError unless all runs were evaluated on the same images with the same labels."""
    reference, owner = groups[0].predictions[0], groups[0].name
    for group in groups:
        is_same_data = group.images.matches(groups[0].images)
        for run in group.predictions:
            if run.data != reference.data and not is_same_data:  # a folder that was moved may have another name
                raise DataError(
                    f"{group.name} was evaluated on {run.data}, {owner} on {reference.data}; compare them on one set"
                )
            if not np.array_equal(run.indices, reference.indices):
                count = len(set(run.indices.tolist()) ^ set(reference.indices.tolist()))
                raise DataError(
                    f"{group.name} and {owner} were evaluated on different images of {reference.data}: "
                    f"{count:,} are in only one of them (another data.validation or data.split_seed?)"
                )
            if is_same_data is False:
                raise DataError(
                    f"{group.name} and {owner} were evaluated on different images, both called {reference.data}: "
                    f"their fingerprints are {_short(group.images)} and {_short(groups[0].images)}; train one of them "
                    "again on the other's images"
                )
            if not np.array_equal(run.labels, reference.labels):
                raise DataError(
                    f"{group.name} and {owner} have different labels for the same images of {reference.data}"
                )


def _short(images: ImageIdentity) -> str:
    return (images.contents or images.fingerprint)[:8]
