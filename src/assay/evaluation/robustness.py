"""How a classifier stands corrupted images: accuracy by corruption and severity. What corrupts: `data/corruptions`."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from assay.core.numbers import Interval
from assay.data.corruptions.corrupt import SEVERITIES, corrupt, corruption_names
from assay.data.corruptions.registry import CORRUPTIONS
from assay.data.imageset import ImageSet
from assay.evaluation.classifier import Classifier
from assay.evaluation.predictions import Predictions
from assay.evaluation.statistics import image_interval, wilson_interval


@dataclass(frozen=True)
class Cell:
    """One corruption at one severity; interval: Wilson's 95 % of the accuracy."""

    corruption: str
    group: str
    severity: int
    correct: int
    accuracy: float
    interval: Interval


@dataclass(frozen=True)
class Robustness:
    """All cells over the same n images, and the clean ones, of severity 0.

    mean_error: the mean over corruptions and severities of the share of wrong answers, all weighing alike. It is not
    the "mCE" of Hendrycks and Dietterich (2019), which divides by a reference net's errors. Its interval is a 95 %
    bootstrap over images, each drawn with all its corrupted copies.
    """

    data: str
    n: int
    clean: Cell
    cells: tuple[Cell, ...]
    mean_error: float
    interval: Interval

    def row(self, corruption: str) -> tuple[Cell, ...]:
        """The cells of a corruption, by severity."""
        return tuple(cell for cell in self.cells if cell.corruption == corruption)

    @property
    def corruptions(self) -> list[str]:
        """Their names, group by group."""
        return list(dict.fromkeys(cell.corruption for cell in self.cells))

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def robustness(
    classifier: Classifier, images: ImageSet, data: str, keep: Callable[[str, Predictions], None]
) -> Robustness:
    """Judge the images clean and corrupted; `keep` gets all predictions with a name, `fog-3`, as they are made."""
    clean = classifier.predictions(images, data)
    keep("clean", clean)
    cells, wrong = [], np.zeros(len(images))
    for name in corruption_names(images.shape[0]):
        for severity in SEVERITIES:
            found = classifier.predictions(corrupt(images, name, severity), f"{data}, {name} {severity}")
            keep(f"{name}-{severity}", found)
            cells.append(_cell(found, name, CORRUPTIONS[name].group, severity))
            wrong += found.predicted != found.labels
    shares = wrong / len(cells)
    return Robustness(
        data, len(images), _cell(clean, "clean", "", 0), tuple(cells), float(shares.mean()), image_interval(shares)
    )


def _cell(found: Predictions, name: str, group: str, severity: int) -> Cell:
    correct, n = int((found.predicted == found.labels).sum()), len(found)
    return Cell(name, group, severity, correct, correct / n, wilson_interval(correct, n))
