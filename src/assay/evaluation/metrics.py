"""The numbers of one set of predictions: accuracy with its interval, loss, top-k, precision, recall, F1.

All by scikit-learn and scipy. Which class is taken for which is in `confusion`.
"""

from dataclasses import asdict, dataclass, field
from math import nan
from typing import Any

import numpy as np
from pydantic import TypeAdapter, ValidationError
from scipy.special import log_softmax
from scipy.stats import binomtest
from sklearn.metrics import precision_recall_fscore_support, top_k_accuracy_score

from assay.core.errors import DataError
from assay.evaluation.predictions import Predictions

_TOP_K = (1, 3, 5)


@dataclass(frozen=True)
class Average:
    """Precision, recall and F1 averaged over the classes; `f1` is the mean of the classes' F1."""

    precision: float
    recall: float
    f1: float


@dataclass(frozen=True)
class ClassMetrics:
    """One class: `n` images of it, `correct` of them recognized. What 0 images leave undefined is 0."""

    name: str
    n: int
    correct: int
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True)
class Metrics:
    """What one run is worth on one data set.

    interval: Wilson's 95 % interval of the accuracy (Wilson 1927). loss: mean cross-entropy of an image, in nats.
    top_k: the share of images whose class is among the k greatest logits, for k = 1, 3, 5 below the number of classes.
    macro: plain means over the classes; weighted: means weighted by the images of each class. A class that occurs
    neither among the labels nor among the predictions is left out, as scikit-learn does.
    macro_f1_of_means: the other definition of macro F1 in use, the harmonic mean of macro precision and macro recall.
    """

    data: str
    n: int
    correct: int
    accuracy: float
    # A metric that an older version of assay did not store has a default: older results stay readable.
    interval: tuple[float, float] = (nan, nan)
    loss: float = nan
    top_k: dict[int, float] = field(default_factory=dict)
    macro: Average = Average(nan, nan, nan)
    weighted: Average = Average(nan, nan, nan)
    macro_f1_of_means: float = nan
    per_class: tuple[ClassMetrics, ...] = ()

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Metrics":
        """The inverse of `to_dict`; other keys are ignored. Raises DataError if the accuracy or its n is missing."""
        try:
            return TypeAdapter(cls).validate_python(values)
        except ValidationError as error:
            key = ".".join(map(str, error.errors()[0]["loc"]))
            raise DataError(f"an entry of results.json is damaged: {key} is missing or wrong") from None

    def to_dict(self) -> dict[str, Any]:
        """The same as plain values for JSON; the keys of `top_k` become text."""
        plain = asdict(self)
        return {
            **plain,
            "interval": list(self.interval),
            "top_k": {str(k): share for k, share in self.top_k.items()},
            "per_class": list(plain["per_class"]),
        }


def metrics(predictions: Predictions) -> Metrics:
    """All metrics of these predictions."""
    n = len(predictions)
    correct = int((predictions.predicted == predictions.labels).sum())
    macro = _average(predictions, "macro")
    return Metrics(
        data=predictions.data,
        n=n,
        correct=correct,
        accuracy=correct / n,
        interval=wilson(correct, n),
        loss=log_loss(predictions),
        top_k={k: _top_k(predictions, k) for k in _TOP_K if k == 1 or k < len(predictions.class_names)},
        macro=macro,
        weighted=_average(predictions, "weighted"),
        macro_f1_of_means=_harmonic_mean(macro.precision, macro.recall),
        per_class=_per_class(predictions),
    )


def wilson(correct: int, n: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share, as fractions (low, high)."""
    interval = binomtest(correct, n).proportion_ci(confidence_level=0.95, method="wilson")
    return float(interval.low), float(interval.high)


def log_loss(predictions: Predictions) -> float:
    """Mean cross-entropy of an image in nats, in double precision; from logits, so always finite."""
    log_probabilities = log_softmax(predictions.logits.astype(np.float64), axis=1)
    return float(-log_probabilities[np.arange(len(predictions)), predictions.labels].mean())


def _top_k(predictions: Predictions, k: int) -> float:
    if k == 1:
        return float((predictions.predicted == predictions.labels).mean())
    # Among equal logits scikit-learn prefers the last class and argmax the first; counted from behind they agree.
    classes = len(predictions.class_names)
    labels, logits = classes - 1 - predictions.labels, predictions.logits[:, ::-1]
    return float(top_k_accuracy_score(labels, logits, k=k, labels=np.arange(classes)))


def _average(predictions: Predictions, kind: str) -> Average:
    precision, recall, f1, _ = precision_recall_fscore_support(
        predictions.labels, predictions.predicted, average=kind, zero_division=0
    )
    return Average(float(precision), float(recall), float(f1))


def _harmonic_mean(a: float, b: float) -> float:
    return 2 * a * b / (a + b) if a + b else 0.0


def _per_class(predictions: Predictions) -> tuple[ClassMetrics, ...]:
    names = predictions.class_names
    hits = np.bincount(predictions.labels[predictions.predicted == predictions.labels], minlength=len(names))
    columns = precision_recall_fscore_support(
        predictions.labels, predictions.predicted, labels=np.arange(len(names)), zero_division=0
    )
    return tuple(
        ClassMetrics(name, int(n), int(correct), float(precision), float(recall), float(f1))
        for name, correct, precision, recall, f1, n in zip(names, hits, *columns, strict=True)
    )
