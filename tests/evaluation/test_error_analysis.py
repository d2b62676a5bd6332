"""Wrong answers: counts of each class and their order."""

import numpy as np

from assay.evaluation.confusion import confusion_matrix
from assay.evaluation.error_analysis import errors_per_class, wrong_by_confidence
from assay.evaluation.predictions import Predictions


def some(n: int = 300, classes: int = 6) -> Predictions:
    rng = np.random.default_rng(1)
    logits = rng.normal(size=(n, classes)).astype(np.float32)
    return Predictions(logits, rng.integers(0, classes - 1, n), np.arange(n) * 7, tuple("abcdef"), "toy/test")


def test_errors_per_class_are_the_rows_off_the_diagonal():
    counts = confusion_matrix(some())
    np.testing.assert_array_equal(errors_per_class(some()), counts.sum(axis=1) - counts.diagonal())


def test_wrong_answers_come_surest_first():
    predictions = some()
    positions = wrong_by_confidence(predictions)
    confidence = predictions.probabilities.max(axis=1)[positions]
    assert set(positions.tolist()) == set(np.flatnonzero(predictions.predicted != predictions.labels).tolist())
    assert (np.diff(confidence) <= 0).all()


def test_no_wrong_answers_give_an_empty_list():
    logits = np.eye(2, dtype=np.float32)
    right = Predictions(logits, np.arange(2), np.arange(2), ("a", "b"), "toy/test")
    assert wrong_by_confidence(right).shape == (0,)
    assert errors_per_class(right).tolist() == [0, 0]
