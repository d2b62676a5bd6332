"""Figures: what they show as data, and that no class name or history breaks them. Their looks are checked by eye."""

import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from assay.core.errors import AssayError
from assay.evaluation.predictions import Predictions
from assay.report.plots.run import confusion, curves, errors_per_class, save_run_figures
from assay.report.plots.style import save
from assay.training.history import Epoch

MATRIX = np.array([[50, 3, 2, 0], [4, 30, 1, 1], [0, 0, 0, 0], [0, 0, 1, 9]])
NAMES = ("cat", "dog", "truck", "ship")
ODD = ("猫", "cost $5$", "a\nvery " * 9, r"$\frac$")


def history(epochs: int, validation: bool = True) -> list[dict[str, float | None]]:
    return [
        {
            "epoch": epoch,
            "train_loss": 2 / epoch,
            "train_accuracy": 1 - 1 / (epoch + 1),
            "validation_loss": 2.5 / epoch if validation else None,
            "validation_accuracy": 0.9 - 1 / (epoch + 1) if validation else None,
        }
        for epoch in range(1, epochs + 1)
    ]


@pytest.mark.parametrize("epochs", [1, 30, 300])
def test_curves_show_loss_and_accuracy_in_per_cent(tmp_path: Path, epochs: int):
    figure = curves(history(epochs), best_epoch=1)
    loss, accuracy = figure.axes
    lines = {line.get_label(): line for line in accuracy.lines}
    np.testing.assert_allclose(lines["train"].get_ydata(), [100 * row["train_accuracy"] for row in history(epochs)])
    assert {line.get_label() for line in loss.lines} == {"train", "validation", "best epoch: 1"}
    save(figure, tmp_path / "curves.png")
    with Image.open(tmp_path / "curves.png") as image:
        assert image.size == (1500, 600)


def test_curves_without_validation_show_training_alone(tmp_path: Path):
    figure = curves(history(5, validation=False))
    assert [line.get_label() for line in figure.axes[0].lines] == ["train"]
    save(figure, tmp_path / "curves.png")


def test_curves_of_a_run_that_ended_before_its_first_epoch_are_empty(tmp_path: Path):
    save(curves([]), tmp_path / "curves.png")


def test_a_loss_that_is_not_finite_leaves_a_gap(tmp_path: Path):
    rows = history(4)
    rows[2]["train_loss"] = math.inf
    figure = curves(rows)
    assert np.isnan(figure.axes[0].lines[0].get_ydata()).tolist() == [False, False, True, False]
    save(figure, tmp_path / "curves.png")


def test_confusion_numbers_every_cell_that_is_not_empty():
    figure = confusion(MATRIX, NAMES)
    shown = sorted(int(text.get_text()) for text in figure.axes[0].texts)
    assert shown == sorted(MATRIX[MATRIX > 0].tolist())
    assert figure.axes[0].get_title("left") == "n = 101, accuracy 88.12 %"


def test_without_its_diagonal_the_scale_ends_at_the_greatest_confusion():
    figure = confusion(MATRIX, NAMES, diagonal=False)
    image = figure.axes[0].images[0]
    assert image.norm.vmax == pytest.approx(100 * 4 / 36)
    assert np.ma.getmaskarray(image.get_array()).diagonal().all()
    assert sorted(int(text.get_text()) for text in figure.axes[0].texts) == [1, 1, 1, 2, 3, 4]


def test_more_than_twenty_classes_get_no_numbers(tmp_path: Path):
    figure = confusion(np.eye(120, dtype=np.int64), [f"class {i}" for i in range(120)])
    assert not figure.axes[0].texts
    assert len(figure.axes[0].get_xticks()) <= 50
    save(figure, tmp_path / "confusion.png")


def test_errors_per_class_are_sorted_bars_that_add_up():
    figure = errors_per_class(MATRIX, NAMES)
    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["dog", "cat", "ship", "truck"]
    widths = [sum(bar.get_width() for bar in axes.patches if round(bar.get_y() + 0.37) == y) for y in range(4)]
    assert widths == [6, 5, 1, 0]
    assert "6 (16.7 %)" in [text.get_text() for text in axes.texts]


def test_of_many_classes_the_worst_are_shown():
    matrix = np.full((100, 100), 1)
    figure = errors_per_class(matrix, [f"class {i}" for i in range(100)])
    assert len(figure.axes[0].get_yticks()) == 40
    assert "the 40 worst of 100 classes" in figure.axes[0].get_title("left")


@pytest.mark.parametrize("draw", [confusion, errors_per_class])
def test_any_class_name_can_be_drawn(tmp_path: Path, draw):
    save(draw(MATRIX, ODD, title="猫 $x"), tmp_path / "odd.png")


@pytest.mark.parametrize("draw", [confusion, errors_per_class])
def test_a_perfect_run_can_be_drawn(tmp_path: Path, draw):
    save(draw(np.diag([3, 4]), ("a", "b")), tmp_path / "perfect.png")
    save(draw(np.array([[5]]), ("only",)), tmp_path / "one.png")


@pytest.mark.parametrize("right", [[3, 4], [5], [0, 0]])
def test_a_diagonal_that_is_all_there_is_leaves_a_blank_matrix(tmp_path: Path, right: list[int]):
    save(confusion(np.diag(right), "ab"[: len(right)], diagonal=False), tmp_path / "blank.png")


def test_saving_where_nothing_can_be_saved_names_the_file(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(AssayError, match=r"cannot write .*curves\.png"):
        save(curves(history(1)), tmp_path / "file" / "curves.png")


def test_every_set_of_predictions_gets_its_figures(tmp_path):
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(30, 3)).astype(np.float32)
    predictions = {
        "test": Predictions(logits, rng.integers(0, 3, 30), np.arange(30), ("left", "middle", "right"), "bars/test")
    }
    save_run_figures(tmp_path, [Epoch(i, 1.0, 0.1, 1 / i, 0.5, None, None, 100.0) for i in (1, 2)], 2, predictions)
    names = {"curves", "test-confusion", "test-confusion-errors-only", "test-errors-per-class"}
    assert {path.name for path in tmp_path.iterdir()} == {f"{name}.png" for name in names}
    assert all(np.asarray(Image.open(path).convert("L")).std() > 5 for path in tmp_path.iterdir())
