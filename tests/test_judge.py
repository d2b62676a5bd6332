"""Judging counts the look before it reads, stores predictions, and overwrites none."""

import pytest

from assay.data.preprocess import Preprocess
from assay.evaluation.classifier import Classifier
from assay.evaluation.metrics import metrics
from assay.evaluation.predictions import Predictions
from assay.judge import judge
from assay.models.net import build
from assay.run import Run
from assay.runtime import Runtime


@pytest.fixture
def run(recipe, tmp_path) -> Run:
    return Run.create(recipe.override({"data.name": "bars"}), tmp_path)


@pytest.fixture
def classifier(recipe, images) -> Classifier:
    net = build(recipe.model, images.shape, 3, 0)
    return Classifier(net, Preprocess.fit(recipe.preprocess, images), images.class_names, Runtime("cpu", "fp32", 1))


def test_the_look_is_written_down_before_the_images_are_read(run, classifier, test_images):
    def read():
        assert [(look["data"], look["by"]) for look in run.looks] == [("bars/test", "train")]
        return test_images

    assert judge(run, classifier, "bars/test", read, by="train")[1]["look"] == 1


def test_a_look_counts_even_if_reading_fails(run, classifier):
    with pytest.raises(ZeroDivisionError):
        judge(run, classifier, "bars/test", lambda: 1 / 0, by="train")
    assert len(run.looks) == 1
    assert run.results == {}


def test_validation_is_no_look(run, classifier, test_images):
    assert "look" not in judge(run, classifier, "bars/validation", lambda: test_images, by="train")[1]
    assert run.looks == []


def test_what_is_stored_is_what_was_found(run, classifier, test_images):
    predictions, entry = judge(run, classifier, "bars/test", lambda: test_images, by="train")
    stored = Predictions.load(run.folder / "predictions" / "test.npz")
    assert (stored.logits == predictions.logits).all()
    assert run.results == {"test": entry}
    assert {key: entry[key] for key in metrics(stored).to_dict()} == metrics(stored).to_dict()


def test_every_further_look_has_files_of_its_own(run, classifier, test_images):
    before = None
    for number in (1, 2, 3):
        assert judge(run, classifier, "bars/test", lambda: test_images, by="evaluate")[1]["look"] == number
        first = (run.folder / "predictions" / "test.npz").read_bytes()
        assert before in (None, first)
        before = first
    judge(run, classifier, "other/name/test", lambda: test_images, by="evaluate")
    names = {"test", "test-2", "test-3", "other-name-test"}
    assert {path.stem for path in (run.folder / "predictions").iterdir()} == run.results.keys() == names
