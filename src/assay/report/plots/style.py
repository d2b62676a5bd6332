"""What all figures share: a blank figure without pyplot, colors, text that can always be drawn, and saving.

The figures themselves are in the other files of this folder.
"""

import unicodedata
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from textwrap import wrap
from typing import Any

from matplotlib import colormaps, font_manager, ft2font
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from assay.core.files import atomic_save

DPI = 150

# Okabe and Ito's palette, which color-blind readers can tell apart.
BLUE, ORANGE, GRAY = "#0072B2", "#D55E00", "#595959"
GREEN, PINK, AMBER, SKY = "#009E73", "#CC79A7", "#E69F00", "#56B4E9"
RED = "#C1121F"  # faults and missing runs, which also have a word or another marker
_PALETTE = (BLUE, ORANGE, GREEN, PINK, AMBER, SKY, GRAY)
SEQUENCE = "viridis"  # the color map for numbers

# Fonts with scripts that matplotlib's own font lacks, used if installed.
_WIDE_FONTS = (
    *("Noto Sans CJK JP", "Noto Sans CJK SC", "Noto Sans", "Hiragino Sans", "PingFang SC", "Microsoft YaHei"),
    *("Yu Gothic", "Malgun Gothic", "WenQuanYi Zen Hei", "Droid Sans Fallback", "Arial Unicode MS"),
)


_TITLE_POINTS, _NOTE_POINTS = 11.0, 8.0
_NOTE_LINE_INCHES = 1.4 * _NOTE_POINTS / 72
_NOTE_LETTER_INCHES = 0.56 * _NOTE_POINTS / 72  # an average letter of DejaVu Sans


def new_figure(width_inches: float, height_inches: float) -> Figure:
    """A blank figure that lays itself out; no pyplot, so nothing global and nothing to close."""
    return Figure(figsize=(width_inches, height_inches), dpi=DPI, layout="constrained")


def tidy(axes: Axes) -> None:
    """Only the left and bottom lines, and a faint grid behind the data."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="0.9", linewidth=0.8)
    axes.set_axisbelow(True)


def shades(count: int, in_order: bool) -> list[str]:
    """`count` colors: from dark to light for ordered numbers, else as distinct as possible."""
    if not in_order and count <= len(_PALETTE):
        return list(_PALETTE[:count])
    return [to_hex(colormaps[SEQUENCE](0.88 * i / max(1, count - 1))) for i in range(count)]


def label_grid(grid: Any, panels: int, x: str, y: str) -> None:
    """Label a grid of panels, Axes (R, C), at the left and below the last of each column, and hide unused panels."""
    columns = grid.shape[1]
    for number, axes in enumerate(grid.flat):
        if number >= panels:
            axes.set_axis_off()
        elif x and number >= panels - columns:
            axes.set_xlabel(x, fontsize=9)
            axes.tick_params(labelbottom=True)
        if number < panels and number % columns == 0:
            axes.set_ylabel(y, fontsize=9)


def legend_above(figure: Figure, handles: Sequence[Any] | None = None) -> float:
    """One legend for all axes, by default of all that they label, each label once.

    It is placed above them at the right, or beside them where it would be too wide. Returns the inches that it takes
    from the title.
    """
    if handles is None:
        handle_iter = (handle for axes in figure.axes for handle in axes.get_legend_handles_labels()[0])
        handles = list({handle.get_label(): handle for handle in handle_iter}.values())
    inches = sum(0.65 + 1.1 * _NOTE_LETTER_INCHES * width(str(handle.get_label())) for handle in handles)
    if inches > 0.6 * figure.get_figwidth():
        figure.legend(handles=handles, loc="outside right upper", frameon=False, fontsize=8)
        return 0.0
    if handles:
        figure.legend(handles=handles, loc="outside upper right", ncols=len(handles), frameon=False, fontsize=8)
    return inches


def headline(figure: Figure, title: str, heading: str, taken_inches: float = 0.0) -> None:
    """Write a heading above all axes, from the left, preceded by the title.

    taken_inches: width that `legend_above` takes at the right.
    """
    text = readable(f"{title}: {heading}" if title else heading, 110)
    room = figure.get_figwidth() - taken_inches - 0.2
    lines = wrap(text, max(20, int(room / (_TITLE_POINTS / _NOTE_POINTS * _NOTE_LETTER_INCHES))))
    figure.suptitle("\n".join(lines), x=0.01, ha="left", fontsize=_TITLE_POINTS, fontfamily=families())


def caption(figure: Figure, notes: Sequence[tuple[str, str]]) -> None:
    """Small text below all axes: each note with its color, wrapped. The figure grows by its height."""
    columns = int(figure.get_figwidth() / _NOTE_LETTER_INCHES)
    lines = [(line, color) for text, color in notes for line in wrap(readable(text), columns)]
    extra = len(lines) * _NOTE_LINE_INCHES + 0.08
    if not lines:
        return
    figure.set_figheight(figure.get_figheight() + extra)
    height = figure.get_figheight()
    engine = figure.get_layout_engine()
    assert engine is not None
    engine.set(rect=(0, extra / height, 1, 1 - extra / height))  # type: ignore[call-arg]
    for number, (line, color) in enumerate(lines):
        y = (extra - 0.04 - (number + 1) * _NOTE_LINE_INCHES + 0.05) / height
        figure.text(0.01, y, line, fontsize=_NOTE_POINTS, color=color, fontfamily=families())


def save(figure: Figure, path: Path) -> None:
    """Write the figure to `path` (its suffix names the format), whole or not at all. Raises AssayError."""
    atomic_save(path, figure.savefig)


@cache
def families() -> list[str]:
    """The fonts to draw a user's own text with, in order of preference."""
    font_names = set(font_manager.get_font_names())
    return ["DejaVu Sans", *(name for name in _WIDE_FONTS if name in font_names)]


def readable(text: str, limit: int | None = None) -> str:
    """`text` on one line, with only characters that can be drawn; matplotlib warns of others.

    A character that no font has becomes its code, U+732B, so that two classes stay distinct. A text of more than
    `limit` columns is cut and ends in an ellipsis. $ is escaped, because matplotlib would read it as mathematics.
    """
    line = "".join(_drawable(character) for character in " ".join(text.split()))
    if limit is not None and width(line) > limit:
        while line and width(line) > limit - 1:
            line = line[:-1]
        line += "…"
    return line.replace("$", r"\$")


def width(text: str) -> int:
    """Approximate width of the text in columns; East Asian characters take two."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def _drawable(character: str) -> str:
    if any(font.get_char_index(ord(character)) for font in _fonts()):
        return character
    return f"U+{ord(character):04X}"


@cache
def _fonts() -> list[ft2font.FT2Font]:
    return [font_manager.get_font(font_manager.findfont(name)) for name in families()]
