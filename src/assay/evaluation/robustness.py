"""Robustness: accuracy by corruption and severity. The corruptions are in `assay.data.corruptions`."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from assay.core.numbers import Interval
from assay.data.corruptions.corrupt import SEVERITIES, corrupt, corruption_names
from assay.data.corruptions.registry import CORRUPTIONS
from assay.data.imageset import ImageSet
from assay.evaluation.classifier import Classifier
from assay.evaluation.intervals import share_interval, wilson_interval
from assay.evaluation.overlap import Overlap
from assay.evaluation.predictions import Predictions


@dataclass(frozen=True)
class Cell:
    """Accuracy under one corruption at one severity; interval: Wilson's 95 %."""

    corruption: str
    group: str
    severity: int
    correct: int
    accuracy: float
    interval: Interval


@dataclass(frozen=True)
class Robustness:
    """All cells over the same n images, and the clean images as severity 0.

    mean_error: error rate averaged over corruptions and severities with equal weights. It is not the "mCE" of Hendrycks
    and Dietterich (2019), which divides by the errors of a reference net. Its 95 % interval is over images, each
    with all its corrupted copies. overlap: of the clean images with those of the
    training.
    """

    data: str
    n: int
    clean: Cell
    cells: tuple[Cell, ...]
    mean_error: float
    interval: Interval
    overlap: Overlap | None = None

    def row(self, corruption: str) -> tuple[Cell, ...]:
        """The cells of a corruption, in order of severity."""
        return tuple(cell for cell in self.cells if cell.corruption == corruption)

    @property
    def corruptions(self) -> list[str]:
        """Names of the corruptions, group by group."""
        return list(dict.fromkeys(cell.corruption for cell in self.cells))

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def measure_robustness(
    classifier: Classifier, images: ImageSet, data: str, store: Callable[[str, Predictions], None]
) -> Robustness:
    """Evaluate the images clean and corrupted; `store` receives each set of predictions with its name, `fog-3`."""
    clean = classifier.predictions(images, data)
    store("clean", clean)
    cells, wrong = [], np.zeros(len(images))
    for name in corruption_names(images.shape[0]):
        for severity in SEVERITIES:
            predictions = classifier.predictions(corrupt(images, name, severity), f"{data}, {name} {severity}")
            store(f"{name}-{severity}", predictions)
            cells.append(_cell(predictions, name, CORRUPTIONS[name].group, severity))
            wrong += predictions.predicted != predictions.labels
    shares = wrong / len(cells)
    return Robustness(
        data, len(images), _cell(clean, "clean", "", 0), tuple(cells), float(shares.mean()), share_interval(shares)
    )


def _cell(predictions: Predictions, name: str, group: str, severity: int) -> Cell:
    correct, n = int((predictions.predicted == predictions.labels).sum()), len(predictions)
    return Cell(name, group, severity, correct, correct / n, wilson_interval(correct, n))
