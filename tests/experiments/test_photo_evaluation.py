"""A run on your own photos: scored once, the look counted."""

import numpy as np
import pytest

from assay import load
from assay.core.errors import UsageError
from assay.core.runtime import Runtime
from assay.data.photo_files import find_photos
from assay.evaluation.intervals import wilson_interval
from assay.evaluation.predictions import Predictions
from assay.experiments.paper_blur import paper_blur
from assay.experiments.photo_evaluation import WAYS, Accuracy, score_photographs
from assay.experiments.scoring import as_for_test_set

FP32 = Runtime("cpu", "fp32", threads=1)


def test_scores_are_the_runs_own_answers(bars_run, bars_photos):
    scores = score_photographs(bars_run, bars_photos, runtime=FP32)
    found, classifier = find_photos(bars_photos), load(bars_run, runtime=FP32)
    assert scores.keys() == WAYS.keys()
    for way, change in (("as they are", lambda image: image), ("report's blur", paper_blur)):
        answers = classifier.predict(*[change(image) for image in found])
        assert [scores[way].class_names[k] for k in scores[way].predicted] == [one.class_name for one in answers]
    assert [scores["nearest pixel"].class_names[k] for k in scores["nearest pixel"].labels] == [
        path.parent.name for path in found.paths
    ]


def test_photographs_are_looked_at_once_however_often_they_are_asked_for(bars_run, bars_photos):
    first = score_photographs(bars_run, bars_photos, runtime=FP32)
    again = score_photographs(bars_run, bars_photos, runtime=FP32)
    assert bars_run.looks_at("mine/test") == 1
    assert all(np.array_equal(first[way].logits, again[way].logits) for way in WAYS)
    next(bars_photos.glob("left/*.png")).unlink()
    assert len(score_photographs(bars_run, bars_photos, runtime=FP32)["as they are"]) == 29
    assert bars_run.looks_at("mine/test") == 2


def test_unknown_classes_are_no_look(bars_run, bars_photos):
    (bars_photos / "left").rename(bars_photos / "up")
    with pytest.raises(UsageError, match="does not know the classes up"):
        score_photographs(bars_run, bars_photos, runtime=FP32)
    assert bars_run.looks_at("mine/test") == 0


def test_a_fault_in_the_test_images_is_in_the_photographs_too(bars_run, bars_photos, monkeypatch):
    calls = []
    monkeypatch.setattr(
        "assay.experiments.photo_evaluation.as_for_test_set",
        lambda *words: calls.append(words) or as_for_test_set(*words),
    )
    score_photographs(bars_run, bars_photos, runtime=FP32)
    assert len(calls) == 1


def test_the_mean_over_replicates_has_an_interval_over_images():
    labels = np.arange(40) % 2
    logits = np.eye(2, dtype=np.float32)[labels]
    wrong = logits.copy()
    wrong[:10] = wrong[:10, ::-1]
    runs = [Predictions(values, labels, np.arange(40), ("a", "b"), "x") for values in (logits, wrong)]
    accuracy = Accuracy.over(runs)
    assert (accuracy.mean, accuracy.n) == (0.875, 40)
    assert accuracy.interval == pytest.approx(wilson_interval(35, 40))
    assert Accuracy.over(runs[1:]).interval == wilson_interval(30, 40)


def test_two_runs_that_know_every_photo_are_no_surer_than_one():
    labels = np.arange(20) % 2
    logits = np.eye(2, dtype=np.float32)[labels]
    runs = [Predictions(logits, labels, np.arange(20), ("a", "b"), "x")] * 2
    assert Accuracy.over(runs).interval == Accuracy.over(runs[:1]).interval
    assert Accuracy.over(runs).interval == (pytest.approx(0.839, abs=0.001), 1.0)
