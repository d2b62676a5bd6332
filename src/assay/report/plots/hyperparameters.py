"""Figures of hyper-parameters: accuracy against each of them, and parallel coordinates."""

import math
from collections.abc import Sequence
from itertools import pairwise
from statistics import mean
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from assay.report.plots.study_data import Hyperparameter, Value, VariantResults, caption_notes, varied_hyperparameters
from assay.report.plots.style import (
    BLUE,
    GRAY,
    RED,
    SEQUENCE,
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

_MOST_TICKS = 10
_MOST_LETTERS = 34  # of all ticks; more are slanted
_WORD_COLUMNS = 18


def accuracy_by_hyperparameter(
    variants: Sequence[VariantResults], group: str | None = None, title: str = "", notes: Sequence[str] = ()
) -> Figure:
    """A panel for each hyper-parameter: accuracy of every run as a dot, and the mean at each value as a line.

    group: a hyper-parameter whose values get a line each instead of a panel, such as the rungs of a search.
    """
    keys = varied_hyperparameters(variants)
    group_key = next((key for key in keys if key.name == group), None)
    keys = [key for key in keys if key is not group_key]
    columns = min(3, len(keys)) or 1
    rows = math.ceil(len(keys) / columns) or 1
    figure = new_figure(max(6.5, 4.1 * columns), 0.8 + 3.3 * rows)
    grid = figure.subplots(rows, columns, sharey=True, squeeze=False)
    for axes, key in zip(grid.flat, keys, strict=False):
        _against(axes, variants, key, group_key)
    label_grid(grid, len(keys), "", "validation accuracy (%)")
    legend_inches = legend_above(figure)
    headline(figure, title, "accuracy by hyper-parameter", legend_inches)
    caption(figure, caption_notes(variants, [*notes, "Mean: of all runs with that value, whatever else they have."]))
    return figure


def _against(
    axes: Axes, variants: Sequence[VariantResults], key: Hyperparameter, group_key: Hyperparameter | None
) -> None:
    """One hyper-parameter's panel."""
    sets: list[tuple[str, str, Sequence[VariantResults]]] = [("mean", BLUE, variants)]
    if group_key:
        sets = [
            (
                f"mean, {group_key.name} {group_key.label(value)}",
                color,
                [variant for variant in variants if group_key.value_of(variant) == value],
            )
            for value, color in zip(group_key.values, shades(len(group_key.values), group_key.is_number), strict=True)
        ]
    axis = {value: float(value) if key.scale != "category" else float(i) for i, value in enumerate(key.values)}
    for name, color, members in sets:
        dots = [(axis[value], 100 * accuracy) for value, accuracy in _runs(members, key)]
        if not dots:
            continue
        xs, ys = np.array(dots).T
        axes.scatter(xs, ys, s=16, color=color, alpha=0.45, linewidth=0, label="run", zorder=2)
        means = [(x, mean(ys[xs == x])) for x in sorted(set(xs))]
        axes.plot(*zip(*means, strict=True), color=color, marker="_", markersize=12, linewidth=1.6, label=name)
    values = [key.value_of(variant) for variant in variants if variant.missing]
    missing = [axis[value] for value in values if value is not None]
    if missing:
        style: dict[str, Any] = {"color": RED, "transform": axes.get_xaxis_transform(), "clip_on": False}
        axes.plot(missing, [0.02] * len(missing), "x", label="run without result", **style)
    _scale(axes, key, list(axis.values()))


def _runs(variants: Sequence[VariantResults], key: Hyperparameter) -> list[tuple[Value, float]]:
    """The value and the accuracy of every run whose variant has the hyper-parameter."""
    runs = []
    for variant in variants:
        value = key.value_of(variant)
        if value is not None:
            runs += [(value, accuracy) for accuracy in variant.accuracies]
    return runs


def _scale(axes: Axes, key: Hyperparameter, places: Sequence[float]) -> None:
    """The axis: its scale, ticks at the values where they have room, and its name."""
    if key.scale == "log":
        axes.set_xscale("log")
    elif key.scale == "symlog":
        axes.set_xscale("symlog", linthresh=min(place for place in places if place > 0))
    texts = [readable(key.label(value), _WORD_COLUMNS) for value in key.values]
    spots = sorted(key.position(value) for value in key.values)
    least = min(after - before for before, after in pairwise(spots))
    if key.scale == "category" or (len(places) <= _MOST_TICKS and least > 0.05):
        axes.set_xticks(places, texts, fontsize=8, fontfamily=families())
        if sum(map(len, texts)) > _MOST_LETTERS:
            axes.tick_params(axis="x", rotation=35)
            for label in axes.get_xticklabels():
                label.set(ha="right", rotation_mode="anchor")
        axes.set_xticks([], minor=True)
    if key.scale == "category":
        axes.set_xlim(-0.5, len(places) - 0.5)
    axes.tick_params(labelsize=8)
    axes.set_xlabel(readable(key.name, 40), fontsize=9, fontfamily=families())
    tidy(axes)


def parallel_coordinates(variants: Sequence[VariantResults], title: str = "", notes: Sequence[str] = ()) -> Figure:
    """Parallel coordinates: an axis for each hyper-parameter, the last one the mean accuracy, which colors the line.

    A line for each variant. Variants that share a value are spread a little around it.
    """
    keys = varied_hyperparameters(variants)
    means = [variant.mean for variant in variants if variant.mean is not None]
    low, high = (min(means), max(means)) if means else (0.0, 100.0)
    if low == high:
        low, high = low - 1, high + 1
    figure = new_figure(max(6.5, 2.2 + 2.0 * len(keys)), 4.8)
    axes = figure.subplots()
    norm = Normalize(low, high)
    for variant in sorted(variants, key=lambda variant: -math.inf if variant.mean is None else variant.mean):
        places = [_spread(key, variant, norm) for key in keys]
        if variant.mean is not None:
            _follow(axes, [*places, norm(variant.mean)], color=colormaps[SEQUENCE](norm(variant.mean)), linewidth=1.5)
        else:
            _follow(axes, places, color=GRAY, linewidth=1.0, linestyle="--")
    for x, key in enumerate(keys):
        _upright(axes, x, key)
    _accuracy_axis(axes, len(keys), low, high)
    headline(figure, title, "each variant's way to its validation accuracy")
    if any(variant.mean is None for variant in variants):
        notes = [*notes, "Dashed: variants without a result."]
    caption(figure, caption_notes(variants, notes))
    return figure


def _follow(axes: Axes, places: Sequence[float], **style: Any) -> None:
    """A smooth line through a place on each axis; a gap where there is none."""
    ease = (1 - np.cos(np.linspace(0, np.pi, 24))) / 2
    xs = np.concatenate([x + np.linspace(0, 1, 24) for x in range(len(places) - 1)] or [np.zeros(1)])
    parts = [before + (after - before) * ease for before, after in pairwise(places)]
    axes.plot(xs, np.concatenate(parts or [np.full(1, math.nan)]), **style)


def _spread(key: Hyperparameter, variant: VariantResults, norm: Normalize) -> float:
    value = key.value_of(variant)
    if value is None:
        return math.nan
    room = min(0.05, 0.3 / len(key.values)) if len(key.values) <= _MOST_TICKS else 0.0
    return key.position(value) + room * (float(norm(variant.mean)) - 0.5 if variant.mean is not None else 0.0)


def _upright(axes: Axes, x: int, key: Hyperparameter) -> None:
    """A hyper-parameter's axis: a line, its name above, its values beside it."""
    axes.plot([x, x], [-0.03, 1.03], color="0.3", linewidth=1.0, zorder=3)
    axes.text(x, 1.09, readable(key.name, 24), ha="center", fontsize=9, fontfamily=families())
    step = math.ceil(len(key.values) / _MOST_TICKS)
    for value in key.values[::step]:
        text, box = readable(key.label(value), _WORD_COLUMNS), {"color": "white", "alpha": 0.75, "pad": 0.8}
        axes.text(
            x - 0.03, key.position(value), text, ha="right", va="center", fontsize=8, fontfamily=families(), bbox=box
        )


def _accuracy_axis(axes: Axes, x: int, low: float, high: float) -> None:
    """The last axis: a strip of the colors with the accuracies beside it."""
    ramp = np.linspace(0, 1, 256)[:, None]
    axes.imshow(ramp, cmap=SEQUENCE, extent=(x, x + 0.05, 0, 1), origin="lower", aspect="auto", zorder=3)
    for tick in MaxNLocator(8).tick_values(low, high):
        if low <= tick <= high:
            axes.text(x + 0.08, (tick - low) / (high - low), f"{tick:g}", va="center", fontsize=8)
    axes.text(x + 0.05, 1.09, "accuracy (%)", ha="center", fontsize=9)
    axes.set(xlim=(-0.4, x + 0.35), ylim=(-0.06, 1.16))
    axes.set_axis_off()
