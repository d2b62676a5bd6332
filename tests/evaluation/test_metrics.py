"""Metrics against scikit-learn, torch and hand-computed cases."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn import metrics as sk

from assay.core.errors import DataError
from assay.evaluation.metrics import METRICS, Metric, Metrics, accuracy, compute_metrics
from assay.evaluation.predictions import Predictions


def predictions(logits, labels, classes: int | None = None) -> Predictions:
    logits = np.asarray(logits, dtype=np.float32)
    names = tuple(f"class {i}" for i in range(classes or logits.shape[1]))
    labels = np.asarray(labels, dtype=np.int64)
    return Predictions(logits, labels, np.arange(len(labels)), names, "toy/test")


def random_predictions(seed: int, n: int = 400, classes: int = 10) -> Predictions:
    rng = np.random.default_rng(seed)
    labels = rng.choice(classes, n, p=rng.dirichlet(np.ones(classes)))
    return predictions(rng.normal(size=(n, classes)) + 1.5 * np.eye(classes)[labels], labels)


@pytest.fixture(params=range(3))
def toy(request) -> Predictions:
    return random_predictions(request.param)


def test_accuracy_equals_scikit_learns(toy):
    assert compute_metrics(toy).accuracy == sk.accuracy_score(toy.labels, toy.predicted)
    assert compute_metrics(toy).correct == sk.accuracy_score(toy.labels, toy.predicted, normalize=False)


@pytest.mark.parametrize("average", ["macro", "weighted"])
def test_averages_equal_scikit_learns(toy, average):
    scores = compute_metrics(toy).scores
    *expected, _ = sk.precision_recall_fscore_support(toy.labels, toy.predicted, average=average, zero_division=0)
    assert [scores[f"{average}.{name}"] for name in ("precision", "recall", "f1")] == pytest.approx(expected)


def test_per_class_rows_equal_scikit_learns_report(toy):
    report = sk.classification_report(
        toy.labels, toy.predicted, labels=range(10), target_names=toy.class_names, output_dict=True, zero_division=0
    )
    for row in compute_metrics(toy).per_class:
        expected = report[row.name]
        assert (row.precision, row.recall, row.f1, row.n) == pytest.approx(tuple(expected.values()))
        assert row.correct == round(row.recall * row.n)


def test_the_other_macro_f1_is_the_harmonic_mean_of_the_means(toy):
    ours = compute_metrics(toy)
    harmonic = 2 / (1 / ours.scores["macro.precision"] + 1 / ours.scores["macro.recall"])
    assert ours.scores["macro_f1_of_means"] == pytest.approx(harmonic)
    assert ours.scores["macro_f1_of_means"] != pytest.approx(ours.scores["macro.f1"], abs=1e-4)


def test_loss_equals_torchs_cross_entropy_in_double_precision(toy):
    expected = torch.nn.functional.cross_entropy(
        torch.tensor(toy.logits, dtype=torch.float64), torch.tensor(toy.labels)
    )
    assert compute_metrics(toy).loss == pytest.approx(expected.item(), rel=1e-12)


def test_loss_of_a_certain_error_is_finite():
    assert compute_metrics(predictions([[1000, 0]], [1])).loss == 1000


@pytest.mark.parametrize("k", [1, 3, 5])
def test_top_k_equals_scikit_learns(toy, k):
    expected = sk.top_k_accuracy_score(toy.labels, toy.logits, k=k, labels=range(10))
    assert compute_metrics(toy).scores[f"top_k.{k}"] == pytest.approx(expected)


@pytest.mark.parametrize(("classes", "ks"), [(1, [1]), (2, [1]), (3, [1]), (4, [1, 3]), (5, [1, 3]), (6, [1, 3, 5])])
def test_top_k_is_given_where_it_says_something(classes, ks):
    scores = compute_metrics(predictions(np.zeros((4, classes)), [0] * 4)).scores
    assert [name for name in scores if name.startswith("top_k")] == [f"top_k.{k}" for k in ks]


def test_among_equal_logits_top_k_prefers_the_class_that_argmax_prefers():
    equal = compute_metrics(predictions(np.zeros((4, 10)), [0, 2, 3, 9]))
    assert equal.accuracy == equal.scores["top_k.1"] == 0.25
    assert equal.scores["top_k.3"] == 0.5


def test_hand_computed_case():
    """Labels 0 0 0 1 1 2, answers 0 0 1 1 2 2: precision 1, 1/2, 1/2; recall 2/3, 1/2, 1."""
    ours = compute_metrics(predictions(np.eye(3)[[0, 0, 1, 1, 2, 2]], [0, 0, 0, 1, 1, 2]))
    f1 = [0.8, 0.5, 2 / 3]
    assert (ours.n, ours.correct, ours.accuracy) == (6, 4, 4 / 6)
    assert [row.f1 for row in ours.per_class] == pytest.approx(f1)
    assert ours.scores["macro.precision"] == pytest.approx(2 / 3)
    assert ours.scores["macro.recall"] == pytest.approx((2 / 3 + 1 / 2 + 1) / 3)
    assert ours.scores["macro.f1"] == pytest.approx(sum(f1) / 3)
    assert ours.scores["weighted.f1"] == pytest.approx((3 * f1[0] + 2 * f1[1] + f1[2]) / 6)
    log_normalizer = math.log(math.e + 2)
    assert ours.loss == pytest.approx((4 * (log_normalizer - 1) + 2 * log_normalizer) / 6)


def test_one_class_predicted_for_everything_gives_the_reports_018():
    """Report 5: accuracy .100 with F1 .018 is one class predicted for all of ten equal classes."""
    logits = np.zeros((1000, 10))
    logits[:, 3] = 1
    ours = compute_metrics(predictions(logits, np.repeat(np.arange(10), 100)))
    assert ours.accuracy == 0.1
    assert ours.scores["macro.f1"] == pytest.approx(2 * 0.1 / 1.1 / 10)
    assert ours.per_class[0].f1 == 0


def test_nothing_right_gives_zero_for_both_macro_f1():
    ours = compute_metrics(predictions(np.eye(2)[[1, 0]], [0, 1]))
    assert (ours.scores["macro.f1"], ours.scores["macro_f1_of_means"]) == (0, 0)


def test_a_class_that_occurs_nowhere_has_a_row_and_is_left_out_of_the_means():
    ours = compute_metrics(predictions([[5, 0, -9], [0, 5, -9]], [0, 1]))
    assert (ours.per_class[2].n, ours.per_class[2].f1) == (0, 0)
    assert ours.scores["macro.f1"] == 1


def test_two_classes_and_one_image_are_enough():
    ours = compute_metrics(predictions([[0, 1]], [1]))
    assert (ours.n, ours.accuracy, ours.interval[1]) == (1, 1, 1)


def test_the_dictionary_is_plain_json(toy):
    plain = compute_metrics(toy).to_dict()
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert list(plain["top_k"]) == ["1", "3", "5"]
    assert len(plain["per_class"]) == 10


def test_an_entry_is_read_as_it_was_stored(toy):
    ours = compute_metrics(toy)
    assert Metrics.from_dict(json.loads(json.dumps(ours.to_dict()))) == ours


def test_a_new_metric_is_one_function_and_leaves_old_runs_readable(toy):
    stored = compute_metrics(toy).to_dict()
    errors = Metric("errors.share", "error rate", lambda predictions: 1 - accuracy(predictions), higher_is_better=False)
    with METRICS.replaced("errors.share", errors):
        entry = compute_metrics(toy).to_dict()
        assert entry["errors"] == {"share": 1 - stored["accuracy"]}
        assert Metrics.from_dict(entry).scores["errors.share"] == 1 - stored["accuracy"]
        assert "errors.share" not in Metrics.from_dict(stored).scores
    assert Metrics.from_dict(entry) == Metrics.from_dict(stored)  # an entry with a metric that is no longer registered


def test_an_entry_needs_no_more_than_its_accuracy():
    entry = {"data": "toy/test", "n": 10, "correct": 9, "accuracy": 0.9, "interval": [0.6, 0.98]}
    read = Metrics.from_dict(entry)
    assert (read.accuracy, read.per_class, math.isnan(read.loss)) == (0.9, (), True)


@pytest.mark.parametrize("change", [{"accuracy": None}, {"accuracy": "high"}, {"interval": [0.5]}, {"n": {}}])
def test_a_damaged_entry_is_an_error(toy, change):
    with pytest.raises(DataError, match="is damaged"):
        Metrics.from_dict({**compute_metrics(toy).to_dict(), **change})


def test_the_documents_name_every_metric():
    page = (Path(__file__).parents[2] / "docs/reference/metrics.md").read_text(encoding="utf-8")
    assert [name for name in METRICS if name.partition(".")[0] not in page] == []
