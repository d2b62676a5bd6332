"""Judging counts the look before it reads, stores predictions, and overwrites none."""

import numpy as np
import pytest

from assay.core.runtime import Runtime
from assay.data.preprocess import Preprocess
from assay.evaluation.classifier import Classifier
from assay.evaluation.metrics import compute_metrics
from assay.evaluation.predictions import Predictions
from assay.experiments.run import Run
from assay.experiments.run_data import Selection
from assay.experiments.scoring import score, scored_before
from assay.models.sequential import build_sequential
from assay.training.checkpoint import weights_hash


@pytest.fixture
def run(recipe, tmp_path) -> Run:
    return Run.create(recipe.override({"data.name": "bars"}), tmp_path)


@pytest.fixture
def classifier(recipe, images) -> Classifier:
    net = build_sequential(recipe.model, images.shape, 3, 0)
    return Classifier(net, Preprocess.fit(recipe.preprocess, images), images.class_names, Runtime("cpu", "fp32", 1))


def test_the_look_is_written_down_before_the_images_are_read(run, classifier, test_images):
    def read():
        assert [(look["data"], look["by"]) for look in run.looks] == [("bars/test", "train")]
        return test_images

    assert score(run, classifier, Selection("bars/test", read), by="train")[1]["look"] == 1


def test_a_look_counts_even_if_reading_fails(run, classifier):
    with pytest.raises(ZeroDivisionError):
        score(run, classifier, Selection("bars/test", lambda: 1 / 0), by="train")
    assert len(run.looks) == 1
    assert run.results == {}


def test_validation_is_no_look(run, classifier, test_images):
    assert "look" not in score(run, classifier, Selection("bars/validation", lambda: test_images), by="train")[1]
    assert run.looks == []


def test_what_is_stored_is_what_was_found(run, classifier, test_images):
    predictions, entry = score(run, classifier, Selection("bars/test", lambda: test_images), by="train")
    stored = Predictions.load(run.folder / "predictions" / "test.npz")
    assert (stored.logits == predictions.logits).all()
    assert run.results == {"test": entry}
    assert {key: entry[key] for key in compute_metrics(stored).to_dict()} == compute_metrics(stored).to_dict()


def test_every_further_look_has_files_of_its_own(run, classifier, test_images):
    before = None
    for number in (1, 2, 3):
        assert score(run, classifier, Selection("bars/test", lambda: test_images), by="evaluate")[1]["look"] == number
        first = (run.folder / "predictions" / "test.npz").read_bytes()
        assert before in (None, first)
        before = first
    score(run, classifier, Selection("other/name/test", lambda: test_images), by="evaluate")
    names = {"test", "test-2", "test-3", "other-name-test"}
    assert {path.stem for path in (run.folder / "predictions").iterdir()} == run.results.keys() == names


@pytest.fixture
def views_run(recipe, tmp_path) -> Run:
    return Run.create(recipe.override({"data.name": "bars", "test_views": 6}), tmp_path)


def stored(run: Run, label: str) -> Predictions:
    return Predictions.load(run.folder / "predictions" / f"{label}.npz")


def test_test_time_augmentation_is_a_figure_of_its_own_from_the_same_look(views_run, classifier, test_images):
    predictions, entry = score(views_run, classifier, Selection("bars/test", lambda: test_images), by="train")
    expected = classifier.predictions(test_images, "bars/test, 6 views", views=6)
    plain, augmented = stored(views_run, "test"), stored(views_run, "test-6-views")
    assert (plain.logits == predictions.logits).all()
    assert (augmented.logits == expected.logits).all()
    assert (plain.data, augmented.data) == ("bars/test", "bars/test, 6 views")
    assert len(views_run.looks) == 1
    assert views_run.results.keys() == {"test", "test-6-views"}
    assert views_run.results["test"] == entry
    second = views_run.results["test-6-views"]
    assert {key: second[key] for key in compute_metrics(expected).to_dict()} == compute_metrics(expected).to_dict()
    assert second["look"] == entry["look"] == 1


def test_the_plain_figure_is_the_one_without_test_time_augmentation(run, views_run, classifier, test_images):
    for one in (run, views_run):
        score(one, classifier, Selection("bars/test", lambda: test_images), by="train")
    assert (stored(run, "test").logits == stored(views_run, "test").logits).all()
    assert run.results["test"]["accuracy"] == views_run.results["test"]["accuracy"]


def test_validation_images_are_seen_plainly(views_run, classifier, test_images):
    score(views_run, classifier, Selection("bars/validation", lambda: test_images), by="train")
    assert views_run.results.keys() == {"validation"}


def test_the_images_are_read_once_for_all_views(views_run, classifier, test_images):
    reads = []

    def read():
        reads.append(1)
        return test_images

    score(views_run, classifier, Selection("bars/test", read, np.arange(500, 600)), by="train")
    assert len(reads) == 1
    assert all((stored(views_run, label).indices == np.arange(500, 600)).all() for label in ("test", "test-6-views"))


def test_a_further_look_with_views_overwrites_none(views_run, classifier, test_images):
    for _ in range(2):
        score(views_run, classifier, Selection("bars/test", lambda: test_images), by="evaluate")
    assert views_run.results.keys() == {"test", "test-6-views", "test-2", "test-2-6-views"}
    assert [entry["look"] for entry in views_run.results.values()] == [1, 1, 2, 2]


def test_only_what_the_same_weights_said_stands_for_a_look(run, classifier, test_images):
    weights = weights_hash(classifier.net.state_dict())
    assert scored_before(run, "bars/test", weights) is None
    predictions, _ = score(run, classifier, Selection("bars/test", lambda: test_images), by="train")
    assert (scored_before(run, "bars/test", weights).logits == predictions.logits).all()
    assert scored_before(run, "bars/test", "0" * 16) is None
    assert scored_before(run, "mnist/test", weights) is None
    (run.folder / "predictions" / "test.npz").unlink()
    assert scored_before(run, "bars/test", weights) is None


def test_predictions_without_an_entry_are_the_rest_of_a_killed_look_and_make_room(run, classifier, test_images):
    (run.folder / "predictions").mkdir()
    (run.folder / "predictions" / "test.npz").write_bytes(b"half")
    score(run, classifier, Selection("bars/test", lambda: test_images), by="train")
    assert list(run.results) == ["test"]
    assert len(Predictions.load(run.folder / "predictions" / "test.npz")) == len(test_images)
