"""Robustness for readers: a table of accuracy by corruption and severity, and the same as a figure."""

from itertools import pairwise

import numpy as np
from matplotlib.figure import Figure

from assay.data.corruptions.corrupt import SEVERITIES
from assay.evaluation.robustness import Cell, Robustness
from assay.report.plots.style import GRAY, SEQUENCE, caption, headline, new_figure
from assay.report.tables.formats import grid

HEADER = ("corruption", "group", *(f"severity {k}" for k in SEVERITIES), "mean")


def table(found: Robustness, form: str) -> str:
    """Accuracy in per cent with its interval. Raises UsageError for an unknown format."""
    rows = [("clean", "", *["–"] * len(SEVERITIES), _text(found.clean))]
    for name in found.corruptions:
        cells = found.row(name)
        mean = f"{100 * np.mean([cell.accuracy for cell in cells]):.1f}"
        rows.append((name, cells[0].group, *map(_text, cells), mean))
    written = grid(HEADER, rows, form)
    return written if form == "csv" else f"{written}\n\n{summary(found)}"


def summary(found: Robustness) -> str:
    """The mean error as one sentence."""
    low, high = found.interval
    return (
        f"mean error over {len(found.corruptions)} corruptions x {len(SEVERITIES)} severities: "
        f"{100 * found.mean_error:.2f} % [{100 * low:.2f}, {100 * high:.2f}], not relative to a reference net; "
        f"clean {100 * (1 - found.clean.accuracy):.2f} %, n = {found.n:,}"
    )


def figure(found: Robustness, title: str = "") -> Figure:
    """A cell for each corruption and severity, colored and numbered by its accuracy, the clean one for comparison."""
    names = found.corruptions
    values = np.array([[found.clean.accuracy, *(cell.accuracy for cell in found.row(name))] for name in names]) * 100
    drawn = new_figure(7.5, 1.4 + 0.3 * len(names))
    axes = drawn.subplots()
    image = axes.imshow(values, cmap=SEQUENCE, vmin=0, vmax=100, aspect="auto")
    axes.set_xticks(range(len(SEVERITIES) + 1), ["clean", *map(str, SEVERITIES)])
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel("severity")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    for (row, column), value in np.ndenumerate(values):
        color = "black" if value > 55 else "white"
        axes.text(column, row, f"{value:.1f}", ha="center", va="center", fontsize=8, color=color)
    groups = [found.row(name)[0].group for name in names]
    for place, (above, below) in enumerate(pairwise(groups)):
        if above != below:
            axes.axhline(place + 0.5, color="white", linewidth=3)
    drawn.colorbar(image, ax=axes, label="accuracy (%)").outline.set_visible(False)
    headline(drawn, title, f"{found.data}, corrupted")
    caption(drawn, [(summary(found), GRAY)])
    return drawn


def _text(cell: Cell) -> str:
    low, high = cell.interval
    return f"{100 * cell.accuracy:.1f} [{100 * low:.1f}, {100 * high:.1f}]"
