"""CIFAR-10's test accuracy beside its known flaws: without near-duplicates, with people's labels.

Computed from the stored predictions of a look: it is the same look.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.data.datasets.cifar10 import CIFAR10
from assay.data.datasets.cifar10_relabels import LEFT_OUT, TEST_IMAGES, agreed_labels, correct_labels, near_duplicates
from assay.evaluation.overlap import Subset
from assay.evaluation.predictions import Predictions

# SHA-256 of the test labels as bytes, in their order: what shows that predictions are for exactly these images
_LABELS = "cec8a24a1e92aa2ecaa0bbd3dbfa86bf6cd8759fbd209a832824c8cf0afca9d5"


@dataclass(frozen=True)
class Cifar10Truths:
    """Accuracies on CIFAR-10's test set. The last two are None where people's labels are not on this machine.

    without_duplicates: on images without a near-duplicate in the training set. corrected_labels: with the labels that
    people corrected. people_agree: on images where at least 90 % of people chose the same class: it is the label.
    """

    without_duplicates: Subset | None
    corrected_labels: Subset | None
    people_agree: Subset | None

    @property
    def text(self) -> str:
        """The accuracies in one line."""
        parts = {
            "without near-duplicates of training images": self.without_duplicates,
            "with corrected labels": self.corrected_labels,
            "where 90 % of people agree": self.people_agree,
        }
        return "; ".join(f"{name} {subset.text}" for name, subset in parts.items() if subset)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def has_cifar10_classes(class_names: Sequence[str], n: int) -> bool:
    """Whether predictions for n images of these classes may be for CIFAR-10's test set."""
    return n == TEST_IMAGES and sorted(class_names) == sorted(CIFAR10.class_names)


def measure_cifar10_truths(predictions: Predictions, root: Path) -> Cifar10Truths | None:
    """The accuracies from predictions for the whole test set; None if they are for other images.

    root: the data root, with the labels by people if they were downloaded. Raises DataError if those are damaged.
    """
    if not has_cifar10_classes(predictions.class_names, len(predictions)):
        return None
    order = np.argsort(predictions.indices)
    classes = np.array([CIFAR10.class_names.index(name) for name in predictions.class_names], np.int64)
    labels, answers = classes[predictions.labels][order], classes[predictions.predicted][order]
    if hashlib.sha256(labels.astype(np.uint8).tobytes()).hexdigest() != _LABELS:
        return None
    is_new = np.ones(TEST_IMAGES, bool)
    is_new[near_duplicates()] = False
    return Cifar10Truths(
        Subset.of((answers == labels)[is_new]),
        _score(answers, correct_labels(labels, root)),
        _score(answers, agreed_labels(root)),
    )


def _score(answers: NDArray[np.int64], labels: NDArray[np.int64] | None) -> Subset | None:
    return None if labels is None else Subset.of((answers == labels)[labels != LEFT_OUT])
