"""Curves of a study: learning curves over seeds, and the share of runs below an error."""

import math
from collections.abc import Sequence
from textwrap import wrap
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import Bbox

from assay.report.plots.run import series
from assay.report.plots.study_data import VariantResults, by_accuracy, caption_notes, varied_hyperparameters
from assay.report.plots.style import (
    BLUE,
    GRAY,
    ORANGE,
    RED,
    caption,
    families,
    headline,
    label_grid,
    legend_above,
    new_figure,
    readable,
    shades,
    tidy,
)

_MOST_PANELS = 24
_PANEL_COLUMNS = 40
_MOST_CURVES = 8


def learning_curves(
    variants: Sequence[VariantResults],
    quantity: Literal["loss", "accuracy"],
    title: str = "",
    notes: Sequence[str] = (),
) -> Figure:
    """A panel for each variant: training and validation by epoch, the mean of its finished runs and a band around it.

    The band spans the lowest to the highest run. Where some runs have ended, the others continue as thin lines. The
    validation mean of the best variant is dashed in every panel.
    """
    factor = 100.0 if quantity == "accuracy" else 1.0
    best = next((variant for variant in by_accuracy(variants) if variant.histories), None)
    panels = list(variants) if len(variants) <= _MOST_PANELS else by_accuracy(variants)[:_MOST_PANELS]
    columns = min(4, math.ceil(math.sqrt(len(panels))))
    rows = math.ceil(len(panels) / columns)
    figure = new_figure(max(6.5, 3.1 * columns), 0.9 + 2.5 * rows)
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes, variant in zip(grid.flat, panels, strict=False):
        _curves(axes, variant, quantity, factor)
        if best is not None and variant is not best:
            epochs, values = _stack_runs(best, f"validation_{quantity}", factor)
            axes.plot(epochs, values.mean(axis=0), color=GRAY, linewidth=1, linestyle="--", label="best, validation")
    _same_limits(list(grid.flat)[: len(panels)])
    label_grid(grid, len(panels), "epoch", "")
    legend_inches = legend_above(figure)
    unit = "accuracy (%)" if quantity == "accuracy" else "loss (mean per image)"
    selection = f", the best {len(panels)} of {len(variants)}" if len(panels) < len(variants) else ""
    headline(figure, title, f"{unit}{selection}", legend_inches)
    if any(len(variant.histories) > 1 for variant in panels):
        notes = [*notes, "Line: mean over seeds; band: from the lowest to the highest run; thin: longer runs."]
    caption(figure, caption_notes(panels, notes))
    return figure


def population(variants: Sequence[VariantResults], title: str = "", notes: Sequence[str] = ()) -> Figure:
    """Share of runs with an error below x: all of them, then a panel for each hyper-parameter with a curve a value.

    A curve further up and left means a better space of recipes, not only a better best one (Radosavovic et al. 2020,
    Designing Network Design Spaces). A run without a result counts as below no error.
    """
    keys = [key for key in varied_hyperparameters(variants) if len(key.values) <= _MOST_CURVES]
    columns = 2 if len(keys) == 3 else min(3, 1 + len(keys))
    rows = math.ceil((1 + len(keys)) / columns)
    figure = new_figure(max(6.5, 4.1 * columns), 0.7 + 3.3 * rows)
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    end = max((100 - 100 * value for variant in variants for value in variant.accuracies), default=100.0)
    _population(grid.flat[0], variants, end, "all", GRAY)
    grid.flat[0].set_title("all runs", loc="left", fontsize=10)
    for axes, key in zip(grid.flat[1:], keys, strict=False):
        for value, color in zip(key.values, shades(len(key.values), key.is_number), strict=True):
            members = [variant for variant in variants if key.value_of(variant) == value]
            _population(axes, members, end, key.label(value), color)
        axes.set_title(readable(key.name, _PANEL_COLUMNS), loc="left", fontsize=10, fontfamily=families())
        axes.legend(frameon=False, fontsize=8, loc="best", prop={"family": families(), "size": 8})
    label_grid(grid, 1 + len(keys), "validation error (%)", "share of runs below it")
    headline(figure, title, "share of runs below an error")
    if any(variant.missing for variant in variants):
        notes = [*notes, "A run without a result counts, as one that is below no error."]
    caption(figure, caption_notes(variants, notes))
    return figure


def _population(axes: Axes, variants: Sequence[VariantResults], end: float, label: str, color: Any) -> None:
    """One empirical distribution as steps, drawn to the error `end`."""
    errors = sorted(100 - 100 * value for variant in variants for value in variant.accuracies)
    n = len(errors) + sum(variant.missing for variant in variants)
    if errors:
        shares = np.arange(len(errors) + 1) / n
        xs = [errors[0], *errors, max(end, errors[-1])]
        text = readable(f"{label} ({n} {'run' if n == 1 else 'runs'})", _PANEL_COLUMNS)
        axes.step(xs, [*shares, shares[-1]], where="post", color=color, linewidth=1.6, label=text)
    axes.set_ylim(0, 1.03)
    tidy(axes)


def _curves(axes: Axes, variant: VariantResults, quantity: str, factor: float) -> None:
    """One variant's panel."""
    for phase, color in (("train", BLUE), ("validation", ORANGE)):
        epochs, values = _stack_runs(variant, f"{phase}_{quantity}", factor)
        if not np.isfinite(values).any():
            continue
        if len(values) > 1:
            axes.fill_between(epochs, values.min(axis=0), values.max(axis=0), color=color, alpha=0.25, linewidth=0)
        marker = "o" if len(epochs) == 1 else ""
        axes.plot(epochs, values.mean(axis=0), color=color, linewidth=1.6, marker=marker, markersize=4, label=phase)
        for history in variant.histories:
            tail = series(history, f"{phase}_{quantity}", factor)[len(epochs) - 1 :]
            if len(tail) > 1:
                axes.plot(len(epochs) + np.arange(len(tail)), tail, color=color, linewidth=0.7)
    if not variant.histories:
        axes.text(0.5, 0.5, "no run finished", ha="center", color=RED, fontsize=9, transform=axes.transAxes)
    color = RED if variant.faults else "0.1"
    runs = variant.runs.replace(" ", "\N{NO-BREAK SPACE}")  # keep the count on one line
    faulty = " [FAULTY]" if variant.faults else ""
    lines = wrap(f"{variant.name} ({runs}){faulty}", _PANEL_COLUMNS)[:3]
    text = "\n".join(readable(line) for line in lines)
    axes.set_title(text, loc="left", fontsize=8, color=color, fontfamily=families(), y=1.02)  # with y it is quicker
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1, nbins=6, steps=[1, 2, 5, 10]))
    axes.tick_params(labelsize=8)
    tidy(axes)


def _same_limits(panels: Sequence[Axes]) -> None:
    """The effect of shared axes, but faster to draw with many panels."""
    boxes = [axes.dataLim for axes in panels if np.isfinite(axes.dataLim.get_points()).all()]
    if boxes:
        box = Bbox.union(boxes)
        x, y = 0.05 * box.width or 0.5, 0.05 * box.height or 0.5
        for axes in panels:
            axes.set(xlim=(box.x0 - x, box.x1 + x), ylim=(box.y0 - y, box.y1 + y))
    for axes in panels:
        axes.label_outer()


def _stack_runs(variant: VariantResults, key: str, factor: float) -> tuple[Any, Any]:
    """Epochs (E,) up to the end of the shortest run, and each run's values there (S, E)."""
    columns = [series(history, key, factor) for history in variant.histories]
    shortest = min(map(len, columns), default=0)
    return 1 + np.arange(shortest), np.array([column[:shortest] for column in columns]).reshape(len(columns), shortest)
