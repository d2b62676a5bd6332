"""Domain shift as a figure: the distributions of every statistic, and the accuracy after each change."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from assay.core.numbers import signed_interval
from assay.evaluation.domain_shift import ORIGINAL, DomainShift
from assay.report.plots.style import BLUE, GRAY, ORANGE, caption, headline, new_figure, tidy

Values = NDArray[np.float64]
ValuePairs = Mapping[str, tuple[Values, Values]]  # of training images and of photos, by statistic

_BINS = 30


def domain_shift_panels(result: DomainShift, values: ValuePairs, title: str = "") -> Figure:
    """A panel for each statistic, training images beside photos, and a panel with the accuracies."""
    columns = 4
    panels = len(values) + 1
    figure = new_figure(13, 2.7 * -(-panels // columns))
    grid_of_axes = figure.subplots(-(-panels // columns), columns, squeeze=False)
    for axes, difference in zip(grid_of_axes.flat, result.differences, strict=False):
        _distributions(axes, *values[difference.statistic])
        number = f"{difference.standardized:+.2f} {signed_interval(difference.interval)}"
        text = f"{difference.statistic}: {number}"
        axes.set_title(text, loc="left", fontsize=9)
    _accuracies(grid_of_axes.flat[len(values)], result)
    for axes in list(grid_of_axes.flat)[panels:]:
        axes.set_axis_off()
    handles = grid_of_axes.flat[0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside upper right", ncols=2, frameon=False, fontsize=9)
    headline(figure, title, f"{result.data} beside {result.training}")
    notes = "Above each panel: the standardized difference, photographs minus training images. "
    caption(figure, [(notes + f"Sizes: {result.size}; {result.training_size}.", GRAY), (result.verdict, GRAY)])
    return figure


def _distributions(axes: Axes, training: Values, photos: Values) -> None:
    values = np.concatenate([training, photos])
    low, high = np.quantile(values, [0.002, 0.998])
    bins = np.linspace(low, high, _BINS + 1).tolist()
    axes.hist(training, bins=bins, density=True, color=GRAY, alpha=0.45, label="training images")
    axes.hist(photos, bins=bins, density=True, color=BLUE, histtype="step", linewidth=1.8, label="photographs")
    axes.set_yticks([])
    tidy(axes)


def _accuracies(axes: Axes, result: DomainShift) -> None:
    blur = result.report_blur
    rows = [(ORIGINAL, result.accuracy, result.interval, GRAY)]
    rows += [(change.name, change.accuracy, change.interval, BLUE) for change in result.variants]
    rows.append((blur.name, blur.accuracy, blur.interval, ORANGE))
    for place, (_, accuracy, (low, high), color) in enumerate(rows):
        reach = [[100 * (accuracy - low)], [100 * (high - accuracy)]]
        axes.errorbar(100 * accuracy, place, xerr=reach, fmt="o", color=color, markersize=4, linewidth=1.5)
    axes.axvline(100 * result.accuracy, color=GRAY, linewidth=1, linestyle=(0, (4, 3)))
    axes.set_yticks(range(len(rows)), [name for name, *_ in rows], fontsize=8)
    axes.invert_yaxis()
    axes.set_title("accuracy (%) with one of them matched", loc="left", fontsize=9)
    tidy(axes)
