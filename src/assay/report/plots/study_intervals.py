"""The figures of a study with a row for each variant: intervals, and a ladder as a waterfall.

They are given what was measured, and draw no interval where there is none. Curves are in `study_curves`, what
hyper-parameters do in `key_figures`.
"""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from assay.evaluation.comparison import Comparison
from assay.recipes.labels import with_faults
from assay.report.plots.study_data import VariantResults, ranked, remarks
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
    """A row for each variant, best first: its runs, their mean and its 95 % t interval over seeds; faulty ones in red.

    Of very many variants the best are shown, which the title then says.
    """
    shown = ranked(variants)[:_MOST_ROWS]
    figure, axes = _rows_figure(shown)
    done = [(y, one) for y, one in enumerate(shown) if one.accuracies]
    bars = [(y, *one.interval, _color(one)) for y, one in done if one.interval]
    if bars:
        ys, lows, highs, colors = zip(*bars, strict=True)
        axes.hlines(ys, lows, highs, colors=colors, linewidth=2, label="95 % t interval over seeds")
    _dots(axes, done)
    for y, one in enumerate(shown):
        _beside(axes, y, f"{one.mean:.2f}  {one.runs}" if one.mean is not None else f"no result  {one.runs}", one.lost)
    _name_rows(axes, shown, [one.name for one in shown])
    some = f", the best {len(shown)} of {len(variants)} variants" if len(shown) < len(variants) else ""
    _finish_rows(figure, axes, title, f"validation accuracy{some}", shown, notes)
    return figure


def waterfall(variants: Sequence[VariantResults], title: str = "", notes: Sequence[str] = ()) -> Figure:
    """A ladder's steps from top to bottom: each a bar from the accuracy of what it builds on to its own.

    The line on it is the difference's 95 % interval over seeds; its color is the verdict, as in VERDICTS.
    """
    figure, axes = _rows_figure(variants)
    places = {with_faults(one.name, one.faults): y for y, one in enumerate(variants)}
    labels = []
    for y, one in enumerate(variants):
        before = places.get(one.comparison.second) if one.comparison else None
        on_last = before is None or before == y - 1
        labels.append(one.name if on_last else f"{one.name} (on {variants[before or 0].name})")
        if one.comparison is not None:
            _step(axes, y, one.comparison, y - 1 if before is None else before)
        elif one.mean is not None:
            axes.plot([one.mean], [y], marker="D", color=GRAY, markersize=6, linestyle="", zorder=4)
        _beside(axes, y, _difference(one), one.lost)
    _name_rows(axes, variants, labels)
    present = {one.comparison.verdict for one in variants if one.comparison}
    handles: list[Any] = [Patch(color=color, label=word) for word, color in VERDICTS.items() if word in present]
    if any(one.comparison and one.comparison.seeds for one in variants):
        handles.append(Line2D([], [], color="0.15", linewidth=1.4, label="95 % interval over seeds"))
    notes = [*notes, "Each step begins at the one that it builds on; right, the difference in points. "
             "An interval is of its step alone, a verdict holds for all steps together (Holm)."]  # fmt: skip
    _finish_rows(figure, axes, title, "what each step changes", variants, notes, handles)
    return figure


def _dots(axes: Axes, done: Sequence[tuple[int, VariantResults]]) -> None:
    """Each run of those that have several, and each variant's mean."""
    runs = [(100 * value, y) for y, one in done for value in one.accuracies if len(one.accuracies) > 1]
    if runs:
        xs, ys = zip(*runs, strict=True)
        axes.scatter(xs, ys, s=14, color="white", edgecolor=GRAY, linewidth=0.8, label="run", zorder=3)
    for marker, faulty in (("o", False), ("X", True)):
        means = [(one.mean, y) for y, one in done if bool(one.faults) == faulty and one.mean is not None]
        if means:
            xs, ys = zip(*means, strict=True)
            label = f"{'faulty, ' if faulty else ''}{'mean' if runs else 'single run'}"
            axes.scatter(xs, ys, s=38, marker=marker, color=RED if faulty else BLUE, label=label, zorder=4)


def _step(axes: Axes, y: int, found: Comparison, before: int) -> None:
    """A bar from the one before to this, the line that joins them, and the difference's interval over seeds."""
    start, end = 100 * found.accuracies[1], 100 * found.accuracies[0]
    axes.plot([start, start], [before, y], color=GRAY, linewidth=0.9, linestyle=":", zorder=1)
    axes.barh(y, end - start, left=start, height=0.6, color=VERDICTS[found.verdict], zorder=2)
    axes.plot([end], [y], marker="|", color="0.15", markersize=11, linestyle="", zorder=4)
    if found.seeds is not None:
        low, high = found.seeds.interval
        axes.hlines([y], [start + 100 * low], [start + 100 * high], colors="0.15", linewidth=1.4, zorder=3)


def _difference(one: VariantResults) -> str:
    if one.mean is None:
        return f"no result  {one.runs}"
    found = one.comparison
    if found is None:
        return f"{one.mean:.2f} %  {one.runs}"
    if found.seeds is None:
        return f"{100 * found.difference:+.2f}  one run a side, {found.verdict}"
    low, high = found.seeds.interval
    return f"{100 * found.difference:+.2f} [{100 * low:+.2f}, {100 * high:+.2f}]  {found.verdict}"


def _color(one: VariantResults) -> str:
    return RED if one.faults else BLUE


def _rows_figure(shown: Sequence[VariantResults]) -> tuple[Figure, Axes]:
    figure = new_figure(11, 1.5 + _ROW_INCHES * len(shown))
    axes = figure.subplots()
    axes.use_sticky_edges = False  # or a bar that begins at the least accuracy would hide in the axis
    return figure, axes


def _beside(axes: Axes, y: int, text: str, lost: int) -> None:
    """What stands right of a row, red where runs were lost."""
    where, color = axes.get_yaxis_transform(), RED if lost else "0.25"
    axes.text(1.01, y, text, va="center", fontsize=8, color=color, transform=where)


def _name_rows(axes: Axes, shown: Sequence[VariantResults], names: Sequence[str]) -> None:
    """Names left of the rows; those of faulty variants red, with a word."""
    labels = [
        f"{readable(name, _NAME_COLUMNS)}{' [FAULTY]' * bool(one.faults)}"
        for name, one in zip(names, shown, strict=True)
    ]
    axes.set_yticks(range(len(shown)), labels, fontsize=8, fontfamily=families())
    for label, one in zip(axes.get_yticklabels(), shown, strict=True):
        label.set_color(RED if one.faults else "0.1")
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)


def _finish_rows(
    figure: Figure, axes: Axes, title: str, what: str, shown: Sequence[VariantResults], notes: Sequence[str],
    handles: Sequence[Any] | None = None,
) -> None:  # fmt: skip
    low, high = axes.get_xlim()
    axes.set_xlim(max(low, -2), min(high, 102))  # of two seeds an interval may leave what an accuracy can be
    axes.set_xlabel("validation accuracy (%)", fontsize=9)
    axes.tick_params(axis="x", labelsize=8)
    tidy(axes)
    axes.grid(visible=False, axis="y")
    taken = legend_above(figure, handles)
    headline(figure, title, what, taken)
    caption(figure, remarks(shown, notes))
