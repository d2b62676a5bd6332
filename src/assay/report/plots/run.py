"""Figures of a run: learning curves, confusion matrix, errors per class. They are given numbers and compute none."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, Normalize, PowerNorm
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from assay.core.numbers import percent
from assay.data.luma import LUMA
from assay.evaluation.confusion import confusion_matrix
from assay.evaluation.predictions import Predictions
from assay.report.plots.style import BLUE, GRAY, ORANGE, families, new_figure, readable, save, tidy, width
from assay.training.history import Epoch

_NAME_COLUMNS = 22  # longer class names are cut
_MOST_NUMBERED = 20  # more classes, and the cells have no room for numbers
_MOST_TICKS = 50
_MOST_BARS = 40


def save_run_figures(
    folder: Path, history: Sequence[Epoch], best_epoch: int, predictions: Mapping[str, Predictions]
) -> None:
    """Write the learning curves and the figures of each set's predictions as PNG files."""
    rows = [row.to_dict() for row in history]
    save(curves(rows, best_epoch), folder / "curves.png")
    save_prediction_figures(folder, predictions)


def save_prediction_figures(folder: Path, predictions: Mapping[str, Predictions]) -> None:
    """Write confusion matrices and errors per class of each set, by its name, as PNG files."""
    for name, answers in predictions.items():
        matrix, class_names, data = confusion_matrix(answers), answers.class_names, answers.data
        save(confusion(matrix, class_names, title=data), folder / f"{name}-confusion.png")
        errors_only = confusion(matrix, class_names, diagonal=False, title=data)
        save(errors_only, folder / f"{name}-confusion-errors-only.png")
        save(errors_per_class(matrix, class_names, title=data), folder / f"{name}-errors-per-class.png")


def curves(history: Sequence[Mapping[str, Any]], best_epoch: int | None = None, title: str = "") -> Figure:
    """Loss and accuracy by epoch, side by side, training and validation, with the best epoch marked.

    history: one row an epoch with the keys epoch, train_loss, train_accuracy, validation_loss, validation_accuracy
    (accuracies as fractions). A value that is missing, None or not finite leaves a gap.
    """
    figure = new_figure(10, 4)
    loss, accuracy = figure.subplots(1, 2)
    _panel(loss, history, "loss", 1, best_epoch)
    _panel(accuracy, history, "accuracy", 100, best_epoch)
    loss.set_title("loss (mean per image)", loc="left", fontsize=11)
    accuracy.set_title("accuracy (%)", loc="left", fontsize=11)
    legend = {line.get_label(): line for line in [*loss.lines, *accuracy.lines]}
    figure.legend(legend.values(), legend.keys(), loc="outside upper right", ncols=3, frameon=False)
    if title:
        figure.suptitle(readable(title, 60), x=0.01, ha="left", fontsize=12, fontfamily=families())
    return figure


def confusion(matrix: NDArray[np.int64], class_names: Sequence[str], diagonal: bool = True, title: str = "") -> Figure:
    """Confusion matrix: a row for each true class, a column for each predicted class, counts in the cells.

    matrix: int64 (K, K). Colors show the share of the row, on a scale that stretches small shares. With
    `diagonal=False` the diagonal is blank, and the scale ends at the largest confusion.
    """
    shares = 100 * matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    if not diagonal:
        shares = np.where(np.eye(len(matrix), dtype=bool), np.nan, shares)
    colors = colormaps["Blues" if diagonal else "Oranges"]
    greatest = float(np.nanmax(shares, initial=1.0))
    scale: Normalize = PowerNorm(0.4, 0, 100) if diagonal else Normalize(0, greatest)
    side = min(11.0, 3.2 + 0.52 * len(matrix))
    figure = new_figure(side + 1.0, side)
    axes = figure.subplots()
    image = axes.imshow(shares, cmap=colors, norm=scale)
    axes.set_xlabel("predicted class")
    axes.set_ylabel("true class")
    _name_ticks(axes, class_names)
    if len(matrix) <= _MOST_NUMBERED:
        _number_cells(axes, matrix, shares, colors, scale)
    bar = figure.colorbar(image, ax=axes, shrink=0.8, label="% of the true class")
    bar.outline.set_visible(False)
    axes.set_title(_confusion_title(matrix, diagonal, title), loc="left", fontsize=11, fontfamily=families())
    return figure


def errors_per_class(matrix: NDArray[np.int64], class_names: Sequence[str], title: str = "") -> Figure:
    """Errors of each class as bars in falling order, each split into the three most frequent predictions and the rest.

    matrix: confusion matrix, int64 (K, K), rows are the true classes.
    """
    wrong = np.where(np.eye(len(matrix), dtype=bool), 0, matrix)
    errors, totals = wrong.sum(axis=1), matrix.sum(axis=1)
    order = np.argsort(-errors, kind="stable")[:_MOST_BARS]
    figure = new_figure(9, 1.5 + 0.36 * len(order))
    axes = figure.subplots()
    longest = max(int(errors.max(initial=0)), 1)
    axes.set_xlim(0, longest * 1.18)
    for y, true in enumerate(order):
        leftover = _stack(axes, y, wrong[true], class_names, longest)
        share = f" ({percent(errors[true] / totals[true], 1)})" if totals[true] else " (no images)"
        axes.text(errors[true] + 0.008 * longest, y, f"{errors[true]}{share}", va="center", fontsize=9)
        if leftover and errors[true] < 0.45 * longest:  # else there is no room beside the bar
            left = errors[true] + 0.15 * longest
            axes.text(left, y, ", ".join(leftover), va="center", fontsize=7.5, color=GRAY, fontfamily=families())
    axes.set_yticks(range(len(order)), [readable(class_names[i], _NAME_COLUMNS) for i in order], fontfamily=families())
    axes.set_ylim(len(order) - 0.4, -0.6)
    axes.set_xlabel("wrong answers, split by what the class was taken for (three most frequent, then the rest)")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    tidy(axes)
    axes.grid(visible=False, axis="y")
    axes.set_title(_errors_title(matrix, len(order), title), loc="left", fontsize=11, fontfamily=families())
    return figure


def _panel(
    axes: Axes, history: Sequence[Mapping[str, Any]], quantity: str, factor: float, best_epoch: int | None
) -> None:
    """One quantity by epoch, training and validation."""
    epochs = [row["epoch"] for row in history]
    marker = "o" if len(epochs) <= 30 else ""
    for phase, color in (("train", BLUE), ("validation", ORANGE)):
        values = series(history, f"{phase}_{quantity}", factor)
        if np.isfinite(values).any():
            axes.plot(epochs, values, marker=marker, markersize=4, linewidth=1.8, color=color, label=phase)
    if best_epoch is not None:
        label = f"best epoch: {best_epoch}"
        axes.axvline(best_epoch, color=GRAY, linewidth=1.2, linestyle=(0, (4, 3)), zorder=1, label=label)
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1, steps=[1, 2, 5, 10]))
    if len(epochs) == 1:
        axes.set_xticks(epochs)
    tidy(axes)


def series(history: Sequence[Mapping[str, Any]], key: str, factor: float) -> NDArray[np.float64]:
    """One column of a history, float64 (E,), times `factor`; NaN where it is missing or not finite."""
    values = np.array([math.nan if row.get(key) is None else float(row[key]) for row in history])
    return np.where(np.isfinite(values), factor * values, np.nan)


def _name_ticks(axes: Axes, class_names: Sequence[str]) -> None:
    """Class names on both axes; with very many classes only some of them."""
    places = range(0, len(class_names), math.ceil(len(class_names) / _MOST_TICKS))
    names = [readable(class_names[i], _NAME_COLUMNS) for i in places]
    size = 10 if len(class_names) <= _MOST_NUMBERED else 7
    upright = len(class_names) > _MOST_NUMBERED
    axes.set_xticks(places, names, rotation=90 if upright else 40, ha="center" if upright else "right",
                    rotation_mode="default" if upright else "anchor", fontsize=size, fontfamily=families())  # fmt: skip
    axes.set_yticks(places, names, fontsize=size, fontfamily=families())
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def _number_cells(
    axes: Axes, matrix: NDArray[np.int64], shares: NDArray[np.float64], colors: Colormap, scale: Normalize
) -> None:
    """The count in every cell that is neither empty nor blank, white on dark colors."""
    size = 9 if len(matrix) <= 12 and matrix.max() < 10_000 else 7
    for (row, column), count in np.ndenumerate(matrix):
        if count and not np.isnan(shares[row, column]):
            red, green, blue, _ = colors(scale(shares[row, column]))
            dark = LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue < 0.55
            axes.text(
                column, row, str(count), ha="center", va="center", fontsize=size, color="white" if dark else "0.15"
            )


def _stack(axes: Axes, y: int, counts: NDArray[np.int64], class_names: Sequence[str], longest: int) -> list[str]:
    """One bar: the most frequent predictions in fading colors, named where the name fits, and the rest in gray.

    Returns the names with counts that did not fit.
    """
    top = [i for i in np.argsort(-counts, kind="stable")[:3] if counts[i]]
    parts = [(int(counts[i]), readable(class_names[i], _NAME_COLUMNS)) for i in top]
    remainder = int(counts.sum()) - sum(count for count, _ in parts)
    left, leftover = 0, []
    colors = [*(BLUE, "#6BAED6", "#C6DBEF")[: len(parts)], "0.88"]
    for (count, name), color in zip([*parts, (remainder, "others")], colors, strict=True):
        axes.barh(y, count, left=left, height=0.74, color=color, edgecolor="white", linewidth=0.8)
        if width(name) * 0.0125 * longest < count:  # a letter of this size on an axis this wide
            ink = "white" if color == BLUE else "0.15"
            axes.text(
                left + count / 2, y, name, ha="center", va="center", fontsize=7.5, color=ink, fontfamily=families()
            )
        elif color != "0.88":
            leftover.append(f"{name} {count}")
        left += count
    return leftover


def _confusion_title(matrix: NDArray[np.int64], diagonal: bool, title: str) -> str:
    total, correct = int(matrix.sum()), int(matrix.trace())
    suffix = "" if diagonal else ", wrong answers only"
    return f"{_prefix(title)}n = {total:,}, accuracy {percent(correct / max(total, 1))}{suffix}"


def _errors_title(matrix: NDArray[np.int64], rows: int, title: str) -> str:
    total = int(matrix.sum())
    errors = f"{total - int(matrix.trace()):,} wrong answers of {total:,}"
    limit = f" (the {rows} worst of {len(matrix)} classes)" if rows < len(matrix) else ""
    return f"{_prefix(title)}{errors}{limit}"


def _prefix(title: str) -> str:
    return f"{readable(title, 60)}, " if title else ""
