"""Which class is taken for which: the confusion matrix, and the pairs confused most. Drawn in `report.figures`."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix

from assay.evaluation.predictions import Predictions


@dataclass(frozen=True)
class Pair:
    """Two classes and how often each is taken for the other: `there` of `first` for `second`, `back` the other way.

    `there` is never less than `back`.
    """

    first: str
    second: str
    there: int
    back: int

    @property
    def total(self) -> int:
        """Confusions of the two, both ways together."""
        return self.there + self.back

    @property
    def one_way_ratio(self) -> float:
        """How many times more often it happens there than back; infinite when it never happens back."""
        return self.there / self.back if self.back else math.inf


def matrix(predictions: Predictions) -> NDArray[np.int64]:
    """Counts, int64 (K, K): rows are true classes, columns predicted ones."""
    classes = np.arange(len(predictions.class_names))
    counts: NDArray[np.int64] = confusion_matrix(predictions.labels, predictions.predicted, labels=classes)
    return counts.astype(np.int64)


def confused_pairs(matrix: NDArray[np.int64], class_names: Sequence[str], most: int = 10) -> list[Pair]:
    """The pairs of classes with the most confusions both ways together, most first; at most `most` of them."""
    pairs = [
        Pair(class_names[i], class_names[j], int(matrix[i, j]), int(matrix[j, i]))
        if matrix[i, j] >= matrix[j, i]
        else Pair(class_names[j], class_names[i], int(matrix[j, i]), int(matrix[i, j]))
        for i in range(len(matrix))
        for j in range(i)
        if matrix[i, j] or matrix[j, i]
    ]
    return sorted(pairs, key=lambda pair: (-pair.total, pair.first, pair.second))[:most]
