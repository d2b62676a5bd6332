"""Figures of a study with a row for each variant: intervals, and a ladder as a waterfall."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from assay.core.numbers import points, points_interval
from assay.evaluation.comparison import Comparison
from assay.recipes.labels import with_faults
from assay.report.plots.study_data import VariantResults, by_accuracy, caption_notes
from assay.report.plots.style import (
    AMBER,
    BLUE,
    GRAY,
    RED,
    caption,
    families,
    headline,
    legend_above,
    new_figure,
    readable,
    tidy,
)

VERDICTS = {"real": BLUE, "not shown": AMBER, "inside the noise": "#B0B0B0"}

_MOST_ROWS = 40
_NAME_COLUMNS = 62  # longer names are cut
_ROW_INCHES = 0.27


def intervals(variants: Sequence[VariantResults], title: str = "", notes: Sequence[str] = ()) -> Figure:
    """A row for each variant, best first: its runs, their mean and its 95 % interval; faulty ones in red.

    With very many variants only the best are shown, and the title says so.
    """
    rows = by_accuracy(variants)[:_MOST_ROWS]
    figure, axes = _rows_figure(rows)
    with_results = [(y, variant) for y, variant in enumerate(rows) if variant.accuracies]
    bars = [
        (y, *(100 * bound for bound in variant.interval), _color(variant))
        for y, variant in with_results
        if variant.interval
    ]
    if bars:
        ys, lows, highs, colors = zip(*bars, strict=True)
        axes.hlines(ys, lows, highs, colors=colors, linewidth=2, label="95 % interval over seeds and images")
    _dots(axes, with_results)
    for y, variant in enumerate(rows):
        accuracy = "no result" if variant.mean is None else f"{variant.mean:.2f}"
        _beside(axes, y, f"{accuracy}  {variant.runs}", variant.missing)
    _name_rows(axes, rows, [variant.name for variant in rows])
    selection = f", the best {len(rows)} of {len(variants)} variants" if len(rows) < len(variants) else ""
    _finish_rows(figure, axes, title, f"validation accuracy{selection}", rows, notes)
    return figure


def waterfall(variants: Sequence[VariantResults], title: str = "", notes: Sequence[str] = ()) -> Figure:
    """A ladder's steps from top to bottom: each a bar from the accuracy of the step it builds on to its own.

    The line on it is the difference's 95 % interval over seeds and images; its color is the verdict, as in VERDICTS.
    """
    figure, axes = _rows_figure(variants)
    places = {with_faults(variant.name, variant.faults): y for y, variant in enumerate(variants)}
    labels = []
    for y, variant in enumerate(variants):
        before = places.get(variant.comparison.second) if variant.comparison else None
        on_last = before is None or before == y - 1
        labels.append(variant.name if on_last else f"{variant.name} (on {variants[before or 0].name})")
        if variant.comparison is not None:
            _step(axes, y, variant.comparison, y - 1 if before is None else before)
        elif variant.mean is not None:
            axes.plot([variant.mean], [y], marker="D", color=GRAY, markersize=6, linestyle="", zorder=4)
        _beside(axes, y, _difference(variant), variant.missing)
    _name_rows(axes, variants, labels)
    present = {variant.comparison.verdict for variant in variants if variant.comparison}
    handles: list[Any] = [Patch(color=color, label=word) for word, color in VERDICTS.items() if word in present]
    if any(variant.comparison and variant.comparison.interval for variant in variants):
        handles.append(Line2D([], [], color="0.15", linewidth=1.4, label="95 % interval over seeds and images"))
    notes = [*notes, "Each bar starts at the step it builds on; right: the difference in points. "
             "Intervals are per step; verdicts hold for all steps together (Holm)."]  # fmt: skip
    _finish_rows(figure, axes, title, "what each step changes", variants, notes, handles)
    return figure


def _dots(axes: Axes, with_results: Sequence[tuple[int, VariantResults]]) -> None:
    """Each run of those that have several, and each variant's mean."""
    runs = [
        (100 * value, y) for y, variant in with_results for value in variant.accuracies if len(variant.accuracies) > 1
    ]
    if runs:
        xs, ys = zip(*runs, strict=True)
        axes.scatter(xs, ys, s=14, color="white", edgecolor=GRAY, linewidth=0.8, label="run", zorder=3)
    for marker, faulty in (("o", False), ("X", True)):
        members = [(y, variant) for y, variant in with_results if bool(variant.faults) == faulty]
        means = [(variant.mean, y) for y, variant in members if variant.mean is not None]
        if means:
            xs, ys = zip(*means, strict=True)
            kind = "mean" if runs else "single run"
            label = f"faulty, {kind}" if faulty else kind
            axes.scatter(xs, ys, s=38, marker=marker, color=RED if faulty else BLUE, label=label, zorder=4)


def _step(axes: Axes, y: int, comparison: Comparison, before: int) -> None:
    """A bar from the one before to this, the line that joins them, and the difference's interval."""
    start, end = 100 * comparison.accuracies[1], 100 * comparison.accuracies[0]
    axes.plot([start, start], [before, y], color=GRAY, linewidth=0.9, linestyle=":", zorder=1)
    axes.barh(y, end - start, left=start, height=0.6, color=VERDICTS[comparison.verdict], zorder=2)
    axes.plot([end], [y], marker="|", color="0.15", markersize=11, linestyle="", zorder=4)
    if comparison.interval is not None:
        low, high = comparison.interval
        axes.hlines([y], [start + 100 * low], [start + 100 * high], colors="0.15", linewidth=1.4, zorder=3)


def _difference(variant: VariantResults) -> str:
    if variant.mean is None:
        return f"no result  {variant.runs}"
    comparison = variant.comparison
    if comparison is None:
        return f"{variant.mean:.2f} %  {variant.runs}"
    if comparison.interval is None:
        return f"{points(comparison.difference)}  one run a side, {comparison.verdict}"
    interval = points_interval(comparison.interval)
    return f"{points(comparison.difference)} {interval}  {comparison.verdict}"


def _color(variant: VariantResults) -> str:
    return RED if variant.faults else BLUE


def _rows_figure(rows: Sequence[VariantResults]) -> tuple[Figure, Axes]:
    figure = new_figure(11, 1.5 + _ROW_INCHES * len(rows))
    axes = figure.subplots()
    axes.use_sticky_edges = False  # else a bar that begins at the lowest accuracy would hide in the axis
    return figure, axes


def _beside(axes: Axes, y: int, text: str, missing: int) -> None:
    """Text to the right of a row, red where runs are missing."""
    where, color = axes.get_yaxis_transform(), RED if missing else "0.25"
    axes.text(1.01, y, text, va="center", fontsize=8, color=color, transform=where)


def _name_rows(axes: Axes, rows: Sequence[VariantResults], names: Sequence[str]) -> None:
    """Names to the left of the rows; faulty variants are red and marked."""
    labels = []
    for name, variant in zip(names, rows, strict=True):
        label = readable(name, _NAME_COLUMNS)
        labels.append(f"{label} [FAULTY]" if variant.faults else label)
    axes.set_yticks(range(len(rows)), labels, fontsize=8, fontfamily=families())
    for tick, variant in zip(axes.get_yticklabels(), rows, strict=True):
        tick.set_color(RED if variant.faults else "0.1")
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)


def _finish_rows(
    figure: Figure, axes: Axes, title: str, heading: str, rows: Sequence[VariantResults], notes: Sequence[str],
    handles: Sequence[Any] | None = None,
) -> None:  # fmt: skip
    low, high = axes.get_xlim()
    axes.set_xlim(max(low, -2), min(high, 102))  # with two seeds an interval may exceed 0 to 100 %
    axes.set_xlabel("validation accuracy (%)", fontsize=9)
    axes.tick_params(axis="x", labelsize=8)
    tidy(axes)
    axes.grid(visible=False, axis="y")
    legend_inches = legend_above(figure, handles)
    headline(figure, title, heading, legend_inches)
    caption(figure, caption_notes(rows, notes))
