"""Learning curves over seeds and population curves show what was measured. Their looks are checked by eye."""

from pathlib import Path

import numpy as np
import pytest

from assay.report.plots.study_curves import learning_curves, population
from assay.report.plots.study_data import VariantResults
from assay.report.plots.style import save


def history(*accuracies: float) -> list[dict[str, float | None]]:
    return [
        {
            "epoch": epoch, "train_loss": 1 - accuracy, "train_accuracy": accuracy + 0.05,
            "validation_loss": 1.1 - accuracy, "validation_accuracy": accuracy,
        }
        for epoch, accuracy in enumerate(accuracies, start=1)
    ]  # fmt: skip


def measured(name: str, *histories: list[dict[str, float | None]], lost: int = 0) -> VariantResults:
    return VariantResults(name, tuple(one[-1]["validation_accuracy"] for one in histories), lost, histories)


def curve(axes, label: str) -> np.ndarray:
    (line,) = [line for line in axes.lines if line.get_label() == label]
    return line.get_ydata()


def test_a_line_is_the_mean_over_seeds_and_the_band_goes_from_lowest_to_highest():
    figure = learning_curves([measured("a", history(0.5, 0.6, 0.7), history(0.7, 0.6, 0.8))], "accuracy")
    axes = figure.axes[0]
    assert curve(axes, "validation") == pytest.approx([60, 60, 75])
    assert curve(axes, "train") == pytest.approx([65, 65, 80])
    band = axes.collections[1].get_paths()[0].vertices
    assert (band[:, 1].min(), band[:, 1].max()) == pytest.approx((50, 80))


def test_one_seed_has_no_band():
    assert not learning_curves([measured("a", history(0.5, 0.6))], "loss").axes[0].collections


def test_a_mean_ends_with_the_shortest_run_and_the_others_go_on_alone():
    axes = learning_curves([measured("a", history(0.5, 0.6), history(0.7, 0.8, 0.9))], "accuracy").axes[0]
    assert curve(axes, "validation") == pytest.approx([60, 70])
    alone = [line for line in axes.lines if list(line.get_xdata()) == [2, 3]]
    assert [line.get_ydata()[-1] for line in alone] == pytest.approx([95, 90])


def test_every_panel_has_the_best_ones_validation_but_its_own():
    first, second = learning_curves([measured("a", history(0.5)), measured("b", history(0.6))], "accuracy").axes
    assert curve(first, "best, validation") == pytest.approx([60])
    assert "best, validation" not in [line.get_label() for line in second.lines]


def test_a_variant_without_a_finished_run_has_an_empty_panel_that_says_so():
    axes = learning_curves([measured("a", history(0.5)), VariantResults("b", (), missing=3)], "loss").axes[1]
    assert [text.get_text() for text in axes.texts] == ["no run finished"]
    assert axes.get_title("left") == "b (0 of 3 runs)"


def test_of_very_many_variants_the_best_have_panels():
    figure = learning_curves([measured(f"v{i}", history(0.1 + i / 100)) for i in range(30)], "accuracy")
    assert len(figure.axes) == 24
    assert figure.axes[0].get_title("left").startswith("v29")
    assert "the best 24 of 30" in figure.get_suptitle()


def test_a_population_curve_is_the_share_of_runs_below_each_error():
    errors = np.array([0.1, 0.2, 0.2, 0.5])
    (axes,) = population([VariantResults("a", tuple(1 - errors[:2])), VariantResults("b", tuple(1 - errors[2:]))]).axes
    xs, ys = axes.lines[0].get_data()
    for x in (5.0, 15.0, 30.0, 49.9):
        at = ys[np.searchsorted(xs, x, side="right") - 1] if x >= xs[0] else 0.0
        assert at == pytest.approx(np.mean(100 * errors < x))
    assert ys[-1] == 1.0


def test_a_run_without_result_is_below_no_error():
    (axes,) = population([VariantResults("a", (0.5, 0.6, 0.7), missing=1)]).axes
    assert axes.lines[0].get_ydata()[-1] == 0.75


def test_each_hyper_parameter_has_a_panel_with_a_curve_for_each_value():
    variants = [VariantResults(str(lr), (lr, lr + 0.1), values={"lr": lr}) for lr in (0.1, 0.2, 0.3)]
    every, rate = population(variants).axes
    assert len(every.lines) == 1
    assert [line.get_label() for line in rate.lines] == ["0.1 (2 runs)", "0.2 (2 runs)", "0.3 (2 runs)"]


@pytest.mark.parametrize(
    "draw", [population, lambda *words: learning_curves(words[0], "loss", *words[1:])], ids=["population", "learning"]
)
@pytest.mark.parametrize(
    "variants",
    [
        [VariantResults("lost", (), missing=2)],
        [measured("only", history(0.5))],
        [measured("a", history(0.5, 0.5), history(0.5, 0.5))],
        [measured("猫 $x$ " * 30, history(0.5, float("nan"), float("inf")), history(0.5))],
        [VariantResults("a", (0.5,), histories=([{"epoch": 1, "train_loss": 1.0, "train_accuracy": 0.1}],))],
    ],
)
def test_any_study_can_be_drawn(tmp_path: Path, draw, variants):
    save(draw(variants, "猫 $x", ["a note"]), tmp_path / "picture.png")
