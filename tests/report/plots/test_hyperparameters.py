"""What hyper-parameters do, as figures: scales, dots and means. Their looks are checked by eye."""

from itertools import product
from pathlib import Path

import numpy as np
import pytest

from assay.report.plots.hyperparameters import accuracy_by_hyperparameter, parallel_coordinates
from assay.report.plots.study_data import VariantResults
from assay.report.plots.style import save

RATES, NAMES = (0.0001, 0.001, 0.01, 0.1), ("sgd:0.9", "sgd:0.5", "adam")


def grid(lost: int = 0) -> list[VariantResults]:
    """Twelve cells of three seeds."""
    rng = np.random.default_rng(0)
    return [
        VariantResults(
            f"lr={lr} optimizer={name}", tuple(rng.uniform(0.5, 0.9, 3)), lost, values={"lr": lr, "optimizer": name}
        )
        for lr, name in product(RATES, NAMES)
    ]


def dots(axes) -> np.ndarray:
    return np.concatenate([found.get_offsets() for found in axes.collections])


def test_each_hyper_parameter_has_a_panel_with_its_scale():
    rate, name = accuracy_by_hyperparameter(grid()).axes
    assert (rate.get_xscale(), name.get_xscale()) == ("log", "linear")
    assert [label.get_text() for label in name.get_xticklabels()] == list(NAMES)
    assert (rate.get_xlabel(), name.get_xlabel()) == ("lr", "optimizer")


def test_zero_has_room_on_a_log_axis():
    variants = [VariantResults(str(value), (0.5,), values={"wd": value}) for value in (0.0, 0.00001, 0.001)]
    (axes,) = accuracy_by_hyperparameter(variants).axes
    assert axes.get_xscale() == "symlog"
    assert [label.get_text() for label in axes.get_xticklabels()] == ["0", "1e-05", "0.001"]


def test_every_run_is_a_dot_in_every_panel():
    variants = grid()
    accuracies = sorted(100 * value for one in variants for value in one.accuracies)
    for axes in accuracy_by_hyperparameter(variants).axes:
        assert sorted(dots(axes)[:, 1]) == pytest.approx(accuracies)


def test_the_line_goes_through_the_means_at_each_value():
    variants = grid()
    axes = accuracy_by_hyperparameter(variants).axes[0]
    (line,) = [line for line in axes.lines if line.get_label() == "mean"]
    expected = [
        100 * np.mean([a for one in variants if one.values["lr"] == lr for a in one.accuracies]) for lr in RATES
    ]
    assert line.get_xdata() == pytest.approx(RATES)
    assert line.get_ydata() == pytest.approx(expected)


def test_rungs_have_lines_of_their_own_and_no_panel():
    variants = [
        VariantResults(f"{lr} {epochs}", (lr + epochs / 10,), values={"lr": lr, "epochs": epochs})
        for lr, epochs in ((0.1, 1), (0.2, 1), (0.3, 1), (0.2, 2))
    ]
    (axes,) = accuracy_by_hyperparameter(variants, "epochs").axes
    means = {line.get_label(): list(line.get_ydata()) for line in axes.lines}
    assert means["mean, epochs 1"] == pytest.approx([20, 30, 40])
    assert means["mean, epochs 2"] == pytest.approx([40])


def test_a_value_with_runs_without_result_has_a_cross_and_no_dot():
    variants = [VariantResults("a", (0.5,), values={"lr": 0.1}), VariantResults("b", (), 2, values={"lr": 10.0})]
    (axes,) = accuracy_by_hyperparameter(variants).axes
    assert len(dots(axes)) == 1
    (cross,) = [line for line in axes.lines if line.get_label() == "run without result"]
    assert list(cross.get_xdata()) == [10.0]


def test_parallel_coordinates_have_a_line_for_each_variant_that_ends_at_its_accuracy():
    variants = grid()
    (axes,) = parallel_coordinates(variants).axes
    drawn = [line for line in axes.lines if len(line.get_xdata()) > 2]
    means = np.array([one.mean for one in variants])
    ends = sorted(line.get_ydata()[-1] for line in drawn)
    assert ends == pytest.approx(sorted((means - means.min()) / np.ptp(means)))
    assert {float(line.get_xdata()[-1]) for line in drawn} == {2.0}


def test_the_color_of_a_line_is_its_accuracy():
    (axes,) = parallel_coordinates(grid()).axes
    drawn = [line for line in axes.lines if len(line.get_xdata()) > 2]
    by_end = sorted(drawn, key=lambda line: line.get_ydata()[-1])
    brightness = [sum(line.get_color()[:3]) for line in by_end]
    assert brightness == sorted(brightness)  # viridis goes from dark to light
    assert brightness[0] < brightness[-1]


def test_a_variant_without_a_result_ends_before_the_accuracy():
    (axes,) = parallel_coordinates(
        [*grid(), VariantResults("lost", (), 3, values={"lr": 0.1, "optimizer": "adam"})]
    ).axes
    (dashed,) = [line for line in axes.lines if line.get_linestyle() == "--"]
    assert dashed.get_xdata()[-1] == 1.0


@pytest.mark.parametrize("draw", [accuracy_by_hyperparameter, parallel_coordinates])
@pytest.mark.parametrize(
    "variants",
    [
        [],
        [VariantResults("only", (0.5,), values={"lr": 0.1})],
        [VariantResults(str(lr), (), 3, values={"lr": lr}) for lr in (0.1, 0.2)],
        [VariantResults(str(lr), (0.5, 0.5), values={"lr": lr}) for lr in (0.1, 0.2)],
        [
            VariantResults("a", (0.5,), values={"lr": 0.1}),
            VariantResults("b", (0.6,), values={"猫 $": "x" * 90, "lr": 0.2}),
        ],
        [VariantResults(str(i), (0.5 + i / 100,), values={"depth": i, "word": f"layers {i}"}) for i in range(40)],
    ],
)
def test_any_study_can_be_drawn(tmp_path: Path, draw, variants):
    save(draw(variants, "猫 $x", notes=["a note"]), tmp_path / "picture.png")
