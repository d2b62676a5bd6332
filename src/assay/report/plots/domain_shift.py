"""The domain shift panel: tables for the terminal, and a figure with every statistic's distributions."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from assay.evaluation.domain_shift import Shift, Variant
from assay.report.plots.style import BLUE, GRAY, ORANGE, caption, headline, new_figure, tidy
from assay.report.tables.formats import grid

Pairs = Mapping[str, tuple[NDArray[np.float64], NDArray[np.float64]]]

HEADER = ("statistic", "training images", "photographs", "standardized difference")
MATCHED_HEADER = ("photographs", "accuracy %", "moved by, points", "p", "difference left", "how")
_BINS = 30


def tables(found: Shift, form: str) -> str:
    """What differs, then what each matching does, then the verdict. Raises UsageError for an unknown format."""
    differences = [
        (one.statistic, f"{one.training:.3f}", f"{one.photographs:.3f}",
         f"{one.standardized:+.2f} [{one.interval[0]:+.2f}, {one.interval[1]:+.2f}]")
        for one in found.differences
    ]  # fmt: skip
    differences.append(("size", found.training_size, found.size, "–"))
    plain = (f"as they are, n = {found.n}", _percent(found.accuracy, found.interval), "–", "–", "–", "–")
    changed = [
        _line(f"{one.name} matched" if one is not found.report_blur else one.name, one)
        for one in (*found.variants, found.report_blur)
    ]
    parts = [grid(HEADER, differences, form), grid(MATCHED_HEADER, [plain, *changed], form)]
    return "\n\n".join(parts if form == "csv" else [*parts, found.verdict])


def figure(found: Shift, values: Pairs, title: str = "") -> Figure:
    """A panel for each statistic, training images beside photographs, and one for the accuracies."""
    columns = 4
    panels = len(values) + 1
    drawn = new_figure(13, 2.7 * -(-panels // columns))
    grid_of_axes = drawn.subplots(-(-panels // columns), columns, squeeze=False)
    for axes, one in zip(grid_of_axes.flat, found.differences, strict=False):
        _distributions(axes, *values[one.statistic])
        low, high = one.interval
        text = f"{one.statistic}: {one.standardized:+.2f} [{low:+.2f}, {high:+.2f}]"
        axes.set_title(text, loc="left", fontsize=9)
    _accuracies(grid_of_axes.flat[len(values)], found)
    for axes in list(grid_of_axes.flat)[panels:]:
        axes.set_axis_off()
    handles = grid_of_axes.flat[0].get_legend_handles_labels()
    drawn.legend(*handles, loc="outside upper right", ncols=2, frameon=False, fontsize=9)
    headline(drawn, title, f"{found.data} beside {found.training}")
    notes = "Above each panel: the standardized difference, photographs minus training images. "
    caption(drawn, [(notes + f"Sizes: {found.size}; {found.training_size}.", GRAY), (found.verdict, GRAY)])
    return drawn


def _distributions(axes: Axes, training: NDArray[np.float64], photographs: NDArray[np.float64]) -> None:
    both = np.concatenate([training, photographs])
    low, high = np.quantile(both, [0.002, 0.998])
    bins = np.linspace(low, high, _BINS + 1).tolist()
    axes.hist(training, bins=bins, density=True, color=GRAY, alpha=0.45, label="training images")
    axes.hist(photographs, bins=bins, density=True, color=BLUE, histtype="step", linewidth=1.8, label="photographs")
    axes.set_yticks([])
    tidy(axes)


def _accuracies(axes: Axes, found: Shift) -> None:
    rows = [("as they are", found.accuracy, found.interval, GRAY)]
    rows += [(one.name, one.accuracy, one.interval, BLUE) for one in found.variants]
    rows.append((found.report_blur.name, found.report_blur.accuracy, found.report_blur.interval, ORANGE))
    for place, (_, accuracy, (low, high), color) in enumerate(rows):
        reach = [[100 * (accuracy - low)], [100 * (high - accuracy)]]
        axes.errorbar(100 * accuracy, place, xerr=reach, fmt="o", color=color, markersize=4, linewidth=1.5)
    axes.axvline(100 * found.accuracy, color=GRAY, linewidth=1, linestyle=(0, (4, 3)))
    axes.set_yticks(range(len(rows)), [name for name, *_ in rows], fontsize=8)
    axes.invert_yaxis()
    axes.set_title("accuracy (%) with one of them matched", loc="left", fontsize=9)
    tidy(axes)


def _line(name: str, one: Variant) -> tuple[str, ...]:
    p = "< 0.001" if one.p < 0.001 else f"{one.p:.3f}"
    low, high = (100 * value for value in one.gain_interval)
    left = "–" if one.left is None else f"{one.left:+.2f}"
    moved = f"{100 * one.gain:+.1f} [{low:+.1f}, {high:+.1f}]"
    return name, _percent(one.accuracy, one.interval), moved, p, left, one.how


def _percent(accuracy: float, interval: tuple[float, float]) -> str:
    return f"{100 * accuracy:.1f} [{100 * interval[0]:.1f}, {100 * interval[1]:.1f}]"
