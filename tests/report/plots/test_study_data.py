"""Variants as they are drawn, and their hyper-parameters as axes."""

import math

import pytest

from assay.report.plots.study_data import (
    Hyperparameter,
    VariantResults,
    by_accuracy,
    caption_notes,
    varied_hyperparameters,
)
from assay.report.plots.style import GRAY, RED


@pytest.mark.parametrize(
    ("values", "scale"),
    [
        ((0.0001, 0.001, 0.01, 0.1), "log"),
        ((0.001, 0.1), "log"),
        ((32.0, 64.0, 128.0), "log"),
        ((0.1, 0.2, 0.5, 1.0), "log"),
        ((1.0, 2.0, 3.0, 4.0), "linear"),
        ((2.0, 4.0, 6.0), "linear"),
        ((0.5, 0.9), "linear"),
        ((0.001, 0.005), "linear"),
        ((0.0, 0.5), "linear"),
        ((0.0, 0.1, 0.2, 0.3), "linear"),
        ((0.0, 0.00001, 0.0001, 0.001), "symlog"),
        ((-1.0, 1.0, 100.0), "linear"),
        (("sgd", "adam"), "category"),
    ],
)
def test_a_log_axis_is_for_values_that_span_much_or_grow_by_ratios(values, scale):
    assert Hyperparameter("lr", values).scale == scale


@pytest.mark.parametrize(
    ("values", "places"),
    [
        ((0.001, 0.01, 0.1), [0, 0.5, 1]),
        ((1.0, 2.0, 4.0), [0, 0.5, 1]),
        ((1.0, 2.0, 5.0), [0, math.log10(2) / math.log10(5), 1]),
        ((0.0, 1.0, 10.0, 100.0), [0, 1 / 3, 2 / 3, 1]),
        (("sgd", "adam", "muon"), [0, 0.5, 1]),
        ((0.5, 0.9), [0, 1]),
    ],
)
def test_values_stand_between_0_and_1_as_their_scale_has_it(values, places):
    key = Hyperparameter("lr", values)
    assert [key.position(value) for value in values] == pytest.approx(places)


def test_hyper_parameters_with_one_value_are_no_axis_and_numbers_are_sorted():
    variants = [
        VariantResults("a", (), values={"lr": 0.1, "wd": 0.0}),
        VariantResults("b", (), values={"lr": 0.01, "wd": 0.0}),
    ]
    assert varied_hyperparameters(variants) == [Hyperparameter("lr", (0.01, 0.1))]


def test_numbers_among_words_are_words():
    variants = [VariantResults("a", (), values={"patience": "None"}), VariantResults("b", (), values={"patience": 5})]
    (key,) = varied_hyperparameters(variants)
    assert key == Hyperparameter("patience", ("None", "5"))
    assert [key.value_of(one) for one in variants] == ["None", "5"]


def test_no_runs_have_no_mean():
    assert VariantResults("a", ()).mean is None


def test_runs_are_counted_with_those_that_were_lost():
    counts = [
        VariantResults("a", (0.9,)).runs,
        VariantResults("a", (0.9, 0.8)).runs,
        VariantResults("a", (0.9, 0.8), missing=1).runs,
    ]
    assert counts == ["1 run", "2 runs", "2 of 3 runs"]


def test_the_best_come_first_and_those_without_a_result_last():
    variants = [VariantResults("none", ()), VariantResults("worse", (0.5,)), VariantResults("best", (0.6,))]
    assert [one.name for one in by_accuracy(variants)] == ["best", "worse", "none"]


def test_faults_are_said_in_red_with_the_variants_that_have_them():
    variants = [
        VariantResults("a", (), faults=("no-shuffle",)),
        VariantResults("b", ()),
        VariantResults("c", (), faults=("no-shuffle",)),
    ]
    assert caption_notes(variants, ["n"]) == [("n", GRAY), ("FAULTY: no-shuffle: a, c", RED)]
    assert caption_notes(variants[:1], []) == [("FAULTY: no-shuffle: all variants", RED)]
