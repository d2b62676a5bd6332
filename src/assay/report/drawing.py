"""What all figures share: a blank figure without pyplot, colours, text that can always be drawn, and saving.

No figure of its own; those are in `figures` and `sheets`.
"""

import unicodedata
from functools import cache
from pathlib import Path

from matplotlib import font_manager, ft2font
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from assay.files import save_whole

DPI = 150

# Okabe and Ito's palette, which stays apart for colour-blind readers.
BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#595959"

# Fonts that know scripts which matplotlib's own font lacks, used where one happens to be installed.
_WIDE_FONTS = (
    *("Noto Sans CJK JP", "Noto Sans CJK SC", "Noto Sans", "Hiragino Sans", "PingFang SC", "Microsoft YaHei"),
    *("Yu Gothic", "Malgun Gothic", "WenQuanYi Zen Hei", "Droid Sans Fallback", "Arial Unicode MS"),
)


def new_figure(width_inches: float, height_inches: float) -> Figure:
    """A blank figure that lays itself out; no pyplot, so nothing global and nothing to close."""
    return Figure(figsize=(width_inches, height_inches), dpi=DPI, layout="constrained")


def tidy(axes: Axes) -> None:
    """Only the left and bottom lines, and a faint grid behind the data."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="0.9", linewidth=0.8)
    axes.set_axisbelow(True)


def save(figure: Figure, path: Path) -> None:
    """Write the figure to `path` (its suffix names the format), whole or not at all. Raises AssayError."""
    save_whole(path, figure.savefig)


@cache
def families() -> list[str]:
    """The fonts to draw a user's own text with, in order of preference."""
    installed = set(font_manager.get_font_names())
    return ["DejaVu Sans", *(name for name in _WIDE_FONTS if name in installed)]


def readable(text: str, limit: int | None = None) -> str:
    """`text` on one line, and such that it can be drawn: matplotlib warns at a character that no font has.

    Such a character becomes its code, as in U+732B: ugly, but two classes stay two classes. A text of more than `limit`
    columns is cut and ends in an ellipsis. $ is escaped, which matplotlib would read as mathematics.
    """
    line = "".join(_drawable(character) for character in " ".join(text.split()))
    if limit is not None and width(line) > limit:
        while line and width(line) > limit - 1:
            line = line[:-1]
        line += "…"
    return line.replace("$", r"\$")


def width(text: str) -> int:
    """How many columns wide the text is about, where East Asian characters take two."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def _drawable(character: str) -> str:
    if any(font.get_char_index(ord(character)) for font in _fonts()):
        return character
    return f"U+{ord(character):04X}"


@cache
def _fonts() -> list[ft2font.FT2Font]:
    return [font_manager.get_font(font_manager.findfont(name)) for name in families()]
