"""Robustness as a heat map of accuracies by corruption and severity."""

from itertools import pairwise

import numpy as np
from matplotlib.figure import Figure

from assay.data.corruptions.corrupt import SEVERITIES
from assay.evaluation.robustness import Robustness
from assay.report.plots.style import GRAY, SEQUENCE, caption, headline, new_figure
from assay.report.tables.robustness import robustness_summary


def robustness_heatmap(result: Robustness, title: str = "") -> Figure:
    """A cell for each corruption and severity, colored and labeled by its accuracy, beside the clean accuracy."""
    names = result.corruptions
    values = np.array([[result.clean.accuracy, *(cell.accuracy for cell in result.row(name))] for name in names]) * 100
    figure = new_figure(7.5, 1.4 + 0.3 * len(names))
    axes = figure.subplots()
    image = axes.imshow(values, cmap=SEQUENCE, vmin=0, vmax=100, aspect="auto")
    axes.set_xticks(range(len(SEVERITIES) + 1), ["clean", *map(str, SEVERITIES)])
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel("severity")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    for (row, column), value in np.ndenumerate(values):
        color = "black" if value > 55 else "white"
        axes.text(column, row, f"{value:.1f}", ha="center", va="center", fontsize=8, color=color)
    groups = [result.row(name)[0].group for name in names]
    for place, (above, below) in enumerate(pairwise(groups)):
        if above != below:
            axes.axhline(place + 0.5, color="white", linewidth=3)
    figure.colorbar(image, ax=axes, label="accuracy (%)").outline.set_visible(False)
    headline(figure, title, f"{result.data}, corrupted")
    caption(figure, [(robustness_summary(result), GRAY)])
    return figure
