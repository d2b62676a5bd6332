"""Metrics of a set of predictions: accuracy with its interval, loss, top-k, precision, recall, F1.

To add a metric, write a function from Predictions to a number and decorate it with `@metric`. Its value then appears in
results.json and in the tables. Computed with scikit-learn and scipy. The confusion matrix is in `confusion`.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from math import nan
from typing import Any, Self

import numpy as np
from scipy.special import log_softmax
from sklearn.metrics import (
    f1_score,
    precision_recall_fscore_support,
    precision_score,
    recall_score,
    top_k_accuracy_score,
)

from assay.core.errors import DataError
from assay.core.numbers import Interval
from assay.core.registry import Registry
from assay.evaluation.intervals import wilson_interval
from assay.evaluation.overlap import Overlap
from assay.evaluation.predictions import Predictions

Compute = Callable[[Predictions], float | None]

TOP_K = (1, 3, 5)


@dataclass(frozen=True)
class Metric:
    """A number that sums up predictions.

    name: its key in results.json; a dot nests, so that `macro.f1` is `f1` within `macro`. label: its row in the tables.
    compute: returns None where the metric is not defined. is_share: whether it is a fraction, written in per cent.
    """

    name: str
    label: str
    compute: Compute
    higher_is_better: bool = True
    is_share: bool = True


METRICS: Registry[Metric] = Registry("metric")


def metric(
    name: str, label: str, *, higher_is_better: bool = True, is_share: bool = True
) -> Callable[[Compute], Compute]:
    """Decorator that registers a function of Predictions as a metric; for the arguments see Metric."""

    def register(compute: Compute) -> Compute:
        METRICS.add(name)(Metric(name, label, compute, higher_is_better, is_share))
        return compute

    return register


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
    """The metrics of one run on one data set.

    interval: Wilson's 95 % interval of the accuracy. scores: the value of each registered metric by its name; one that
    is not defined here, or that an old run was stored without, is missing. overlap: with the images of the training;
    None where it was not looked for.
    """

    data: str
    n: int
    correct: int
    interval: Interval
    scores: Mapping[str, float]
    per_class: tuple[ClassMetrics, ...] = field(default=())
    overlap: Overlap | None = None

    @classmethod
    def from_dict(cls, entry: Mapping[str, Any]) -> Self:
        """The metrics in an entry of results.json, old or new.

        A metric that the entry lacks is missing from `scores`; a key that is no registered metric is ignored. Raises
        DataError where the accuracy or the number of images is missing or wrong.
        """
        values = {name: _stored_value(entry, name) for name in METRICS.entries()}
        try:
            low, high = entry.get("interval", (nan, nan))
            return cls(
                data=str(entry["data"]),
                n=int(entry["n"]),
                correct=int(entry["correct"]),
                interval=(float(low), float(high)),
                scores={
                    "accuracy": float(entry["accuracy"]),
                    **{name: float(value) for name, value in values.items() if value is not None},
                },
                per_class=tuple(_class_metrics(row) for row in entry.get("per_class", ())),
                overlap=Overlap.from_dict(entry["overlap"]) if "overlap" in entry else None,
            )
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"an entry of results.json is damaged: {error} is missing or wrong") from None

    @property
    def accuracy(self) -> float:
        """Share of correct answers."""
        return self.scores["accuracy"]

    @property
    def loss(self) -> float:
        """Mean cross-entropy per image in nats; NaN where it was not stored."""
        return self.scores.get("loss", nan)

    def to_dict(self) -> dict[str, Any]:
        """An entry of results.json: plain values, metrics with a dot in their name nested."""
        entry: dict[str, Any] = {"data": self.data, "n": self.n, "correct": self.correct}
        for name, value in self.scores.items():
            group, _, key = name.rpartition(".")
            (entry.setdefault(group, {}) if group else entry)[key] = value
        entry |= {"interval": list(self.interval), "per_class": [asdict(row) for row in self.per_class]}
        return entry if self.overlap is None else {**entry, "overlap": self.overlap.to_dict()}


def compute_metrics(predictions: Predictions) -> Metrics:
    """All registered metrics of these predictions."""
    correct = int((predictions.predicted == predictions.labels).sum())
    scores = {}
    for name, entry in METRICS.entries().items():
        value = entry.compute(predictions)
        if value is not None:
            scores[name] = value
    return Metrics(
        data=predictions.data,
        n=len(predictions),
        correct=correct,
        interval=wilson_interval(correct, len(predictions)),
        scores=scores,
        per_class=_per_class(predictions),
    )


@metric("accuracy", "accuracy")
def accuracy(predictions: Predictions) -> float:
    """Share of correct answers."""
    return float((predictions.predicted == predictions.labels).mean())


def top_k_accuracy(predictions: Predictions, k: int) -> float | None:
    """Share of images whose class is among the k greatest logits; None where that is every class."""
    classes = len(predictions.class_names)
    if k == 1:
        return accuracy(predictions)
    if k >= classes:
        return None
    # Among equal logits scikit-learn prefers the last class and argmax the first; counted from behind they agree.
    labels, logits = classes - 1 - predictions.labels, predictions.logits[:, ::-1]
    return float(top_k_accuracy_score(labels, logits, k=k, labels=np.arange(classes)))


for _k in TOP_K:
    metric(f"top_k.{_k}", f"top-{_k} accuracy")(partial(top_k_accuracy, k=_k))


@metric("loss", "loss (nats per image)", higher_is_better=False, is_share=False)
def log_loss(predictions: Predictions) -> float:
    """Mean cross-entropy per image in nats, in double precision; from logits, so always finite."""
    log_probabilities = log_softmax(predictions.logits.astype(np.float64), axis=1)
    return float(-log_probabilities[np.arange(len(predictions)), predictions.labels].mean())


def _average(predictions: Predictions, score: Callable[..., float], average: str) -> float:
    return float(score(predictions.labels, predictions.predicted, average=average, zero_division=0))


@metric("macro_f1_of_means", "macro F1 (of the means)")
def macro_f1_of_means(predictions: Predictions) -> float:
    """The other definition of macro F1 in use: the harmonic mean of macro precision and macro recall."""
    precision, recall = (_average(predictions, score, "macro") for score in (precision_score, recall_score))
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


# Averages over the classes: macro is the plain mean, weighted the mean by the number of images. scikit-learn leaves out
# a class that occurs neither among the labels nor among the predictions.
for _name, _label, _score in (
    ("macro.precision", "macro precision", precision_score),
    ("macro.recall", "macro recall", recall_score),
    ("macro.f1", "macro F1 (mean of F1s)", f1_score),
    ("weighted.precision", "weighted precision", precision_score),
    ("weighted.recall", "weighted recall", recall_score),
    ("weighted.f1", "weighted F1", f1_score),
):
    metric(_name, _label)(partial(_average, score=_score, average=_name.partition(".")[0]))


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


def _stored_value(entry: Mapping[str, Any], name: str) -> Any:
    """The value under a metric's name in an entry of results.json, None where there is none."""
    group, _, key = name.rpartition(".")
    values = entry.get(group) if group else entry
    return values.get(key) if isinstance(values, Mapping) else None


def _class_metrics(row: Mapping[str, Any]) -> ClassMetrics:
    shares = (float(row.get(key, nan)) for key in ("precision", "recall", "f1"))
    return ClassMetrics(str(row["name"]), int(row["n"]), int(row["correct"]), *shares)
