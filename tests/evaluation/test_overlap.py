"""The overlap of scored images with the training, against counts by hand."""

import json

import numpy as np
import pytest
from scipy.stats import binomtest

from assay.evaluation.overlap import ImageUses, Overlap, measure_overlap
from assay.evaluation.predictions import Predictions


def predictions(hits: list[int]) -> Predictions:
    labels = np.zeros(len(hits), np.int64)
    logits = np.array([[1, 0] if hit else [0, 1] for hit in hits], np.float32)
    return Predictions(logits, labels, np.arange(len(hits)), ("a", "b"), "toy/test")


@pytest.fixture
def overlap() -> Overlap:
    """Eight images: three trained on, one validated on, one nearly so, three new ones with two right answers."""
    return measure_overlap(
        predictions([1, 1, 1, 1, 1, 0, 1, 1]), ImageUses(np.array([1, 1, 1, 2, 3, 0, 0, 0], np.int8), has_near=True)
    )


def test_each_use_is_counted(overlap):
    assert (overlap.n, overlap.train, overlap.validation, overlap.near) == (8, 3, 1, 1)


def test_the_rest_are_the_new_images(overlap):
    expected = binomtest(2, 3).proportion_ci(method="wilson")
    assert (overlap.new_images.n, overlap.new_images.correct, overlap.new_images.accuracy) == (3, 2, 2 / 3)
    np.testing.assert_allclose(overlap.new_images.interval, expected)


def test_the_note_has_all_counts_and_the_other_accuracy(overlap):
    assert overlap.notes == [
        "[USED IN TRAINING: 5 of 8 images] 3 trained on, 1 validated on, 1 near-duplicates of these; "
        "accuracy on the other images: 66.67 % [20.77, 93.85] (n = 3)"
    ]


def test_json_gives_the_same_overlap_back(overlap):
    assert Overlap.from_dict(json.loads(json.dumps(overlap.to_dict()))) == overlap


def test_what_could_not_be_compared_is_not_called_new():
    overlap = measure_overlap(predictions([1]), ImageUses(None, "they are gone"))
    assert overlap.new_images is None
    assert overlap.notes == ["not compared with the training images: they are gone"]


def test_no_image_may_be_left():
    overlap = measure_overlap(predictions([1, 0]), ImageUses(np.ones(2, np.int8)))
    assert overlap.notes[0].endswith("no image is left without them")
