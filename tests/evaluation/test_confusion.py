"""The confusion matrix against scikit-learn, and the pairs confused most."""

import math

import numpy as np
from sklearn import metrics as sk

from assay.evaluation.confusion import ConfusedPair, confused_pairs, confusion_matrix
from assay.evaluation.predictions import Predictions


def answers(predicted, labels, classes: int) -> Predictions:
    logits = np.eye(classes, dtype=np.float32)[predicted]
    labels = np.asarray(labels, dtype=np.int64)
    return Predictions(logits, labels, np.arange(len(labels)), tuple("abcdefgh"[:classes]), "toy/test")


def test_the_matrix_equals_scikit_learns():
    rng = np.random.default_rng(0)
    labels, predicted = rng.integers(0, 5, 200), rng.integers(0, 5, 200)
    ours = confusion_matrix(answers(predicted, labels, 5))
    assert ours.dtype == np.int64
    np.testing.assert_array_equal(ours, sk.confusion_matrix(labels, predicted))


def test_rows_are_true_classes_and_absent_classes_have_empty_rows():
    assert confusion_matrix(answers([1, 1, 0], [0, 0, 0], 3)).tolist() == [[1, 2, 0], [0, 0, 0], [0, 0, 0]]


def test_one_class_alone_gives_a_whole_matrix():
    assert confusion_matrix(answers([0, 0], [0, 0], 2)).tolist() == [[2, 0], [0, 0]]


def test_pairs_are_ordered_by_both_ways_and_turned_to_the_more_frequent_one():
    counts = np.array([[9, 2, 6], [5, 9, 0], [1, 0, 9]])
    assert confused_pairs(counts, ("bird", "cat", "plane")) == [
        ConfusedPair("bird", "plane", 6, 1),
        ConfusedPair("cat", "bird", 5, 2),
    ]
    assert len(confused_pairs(counts, ("bird", "cat", "plane"), limit=1)) == 1


def test_one_way_ratio_is_there_over_back():
    assert ConfusedPair("bird", "plane", 6, 3).one_way_ratio == 2
    assert ConfusedPair("bird", "plane", 6, 0).one_way_ratio == math.inf
    assert ConfusedPair("bird", "plane", 6, 3).total == 9


def test_a_perfect_run_has_no_confused_pairs():
    assert confused_pairs(np.diag([3, 4]), ("a", "b")) == []
