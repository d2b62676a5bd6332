"""The confusion matrix, and the pairs of classes that are confused most. Drawn by `report.plots.run`."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn import metrics as sklearn_metrics

from assay.evaluation.predictions import Predictions


@dataclass(frozen=True)
class ConfusedPair:
    """Two classes and how often each is taken for the other.

    count: images of `first` classified as `second`. reverse_count: images of `second` classified as `first`, never more
    than `count`.
    """

    first: str
    second: str
    count: int
    reverse_count: int

    @property
    def total(self) -> int:
        """Confusions of the two classes in both directions."""
        return self.count + self.reverse_count

    @property
    def one_way_ratio(self) -> float:
        """`count` over `reverse_count`; infinite when the latter is 0."""
        return self.count / self.reverse_count if self.reverse_count else math.inf


def confusion_matrix(predictions: Predictions) -> NDArray[np.int64]:
    """Counts, int64 (K, K): a row for each true class, a column for each predicted class."""
    classes = np.arange(len(predictions.class_names))
    counts: NDArray[np.int64] = sklearn_metrics.confusion_matrix(
        predictions.labels, predictions.predicted, labels=classes
    )
    return counts.astype(np.int64)


def confused_pairs(matrix: NDArray[np.int64], class_names: Sequence[str], limit: int = 10) -> list[ConfusedPair]:
    """At most `limit` pairs of classes, in order of falling number of confusions in both directions.

    matrix: confusion matrix, int64 (K, K).
    """
    pairs = []
    for i in range(len(matrix)):
        for j in range(i):
            if matrix[i, j] or matrix[j, i]:
                first, second = (i, j) if matrix[i, j] >= matrix[j, i] else (j, i)
                counts = int(matrix[first, second]), int(matrix[second, first])
                pairs.append(ConfusedPair(class_names[first], class_names[second], *counts))
    return sorted(pairs, key=lambda pair: (-pair.total, pair.first, pair.second))[:limit]
