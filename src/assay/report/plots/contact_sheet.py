"""Contact sheets: many small images in a grid, each with a caption."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import wrap

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from assay.core.errors import UsageError
from assay.report.plots.style import DPI, families, readable

_SIDE_PX = 112  # small images are enlarged to about this size
_GAP_PX = 12
_FONT_POINTS = 7.0
_TITLE_POINTS = 10.0
_LINE_PX = math.ceil(1.3 * _FONT_POINTS * DPI / 72)
_LETTER_PX = 0.58 * _FONT_POINTS * DPI / 72  # an average letter of DejaVu Sans
_CAPTION_LINES = 3
_TITLE_PX = 44


@dataclass(frozen=True)
class _Grid:
    """Where images and captions go, in pixels from the upper left corner."""

    columns: int
    scale: int  # of the images
    width: int  # of an enlarged image
    height: int
    cell_width: int
    cell_height: int
    top: int

    def position(self, number: int) -> tuple[int, int]:
        """The upper left corner (x, y) of a cell."""
        row, column = divmod(number, self.columns)
        return _GAP_PX + column * self.cell_width, self.top + row * self.cell_height

    def image_left(self, x: int) -> int:
        """Where the image starts in the cell at x."""
        return x + (self.cell_width - _GAP_PX - self.width) // 2


def draw_sheet(
    images: NDArray[np.uint8], captions: Sequence[str] | None = None, columns: int | None = None, title: str = ""
) -> Figure:
    """Draw images row by row, each enlarged by an integer factor without smoothing, so that you see real pixels.

    images: uint8 (N, C, H, W), C = 1 (gray) or 3 (RGB); captions: N texts, wrapped under the images.
    Raises UsageError if there is no image, or if the number of captions differs.
    """
    _check(images, captions)
    columns = columns or min(len(images), max(4, math.ceil(math.sqrt(1.6 * len(images)))))
    scale = max(1, round(_SIDE_PX / max(images.shape[2:])))
    height, width = images.shape[2] * scale, images.shape[3] * scale
    cell_width = max(width, _SIDE_PX) + _GAP_PX
    texts = _wrap_captions(captions, int((cell_width - 4) / _LETTER_PX))
    cell_height = height + _GAP_PX + _LINE_PX * max((len(lines) for lines in texts), default=0)
    grid = _Grid(columns, scale, width, height, cell_width, cell_height, _TITLE_PX if title else _GAP_PX)
    canvas = _paint(images, grid, min_width=math.ceil(len(title) * _LETTER_PX * _TITLE_POINTS / _FONT_POINTS))
    figure, axes = _new_pixel_figure(canvas.shape[1], canvas.shape[0])
    for number, lines in enumerate(texts):
        _write_caption(axes, lines, *grid.position(number), grid)
    if title:
        axes.text(_GAP_PX, grid.top / 2, readable(title), va="center", fontsize=_TITLE_POINTS, fontfamily=families())
    axes.imshow(canvas, interpolation="nearest", aspect="auto", extent=(0, canvas.shape[1], canvas.shape[0], 0))
    return figure


def _check(images: NDArray[np.uint8], captions: Sequence[str] | None) -> None:
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1] not in (1, 3):
        raise UsageError(
            f"a sheet needs uint8 images (N, C, H, W) with 1 or 3 channels, not {images.dtype} {images.shape}"
        )
    if len(images) == 0:
        raise UsageError("a sheet needs at least one image")
    if captions is not None and len(captions) != len(images):
        raise UsageError(f"a sheet of {len(images)} images needs as many captions, not {len(captions)}")


def _wrap_captions(captions: Sequence[str] | None, letters: int) -> list[list[str]]:
    """Each caption as the few short lines that fit under its image."""
    if captions is None or not any(captions):
        return []
    return [_wrap_caption(caption, letters) for caption in captions]


def _wrap_caption(caption: str, letters: int) -> list[str]:
    lines: list[str] = []
    for line in caption.split("\n"):
        lines += wrap(readable(line), letters, placeholder="…", max_lines=2)
    return lines[:_CAPTION_LINES]


def _paint(images: NDArray[np.uint8], grid: _Grid, min_width: int) -> NDArray[np.uint8]:
    """The enlarged images on a white canvas, uint8 (height, width, 3)."""
    rows = math.ceil(len(images) / grid.columns)
    width = max(grid.columns * grid.cell_width, min_width) + _GAP_PX
    canvas = np.full((grid.top + rows * grid.cell_height, width, 3), 255, np.uint8)
    for number, image in enumerate(images):
        x, y = grid.position(number)
        left = grid.image_left(x)
        pixels = image.repeat(grid.scale, 1).repeat(grid.scale, 2).transpose(1, 2, 0)
        canvas[y : y + grid.height, left : left + grid.width] = pixels
    return canvas


def _write_caption(axes: Axes, lines: Sequence[str], x: int, y: int, grid: _Grid) -> None:
    middle = x + (grid.cell_width - _GAP_PX) / 2
    for number, line in enumerate(lines, start=1):
        baseline = y + grid.height + number * _LINE_PX - 3
        axes.text(middle, baseline, line, ha="center", va="baseline", fontsize=_FONT_POINTS, fontfamily=families())


def _new_pixel_figure(width_px: int, height_px: int) -> tuple[Figure, Axes]:
    """A figure of exactly this size whose single axes fills it, in pixels from the upper left corner."""
    figure = Figure(figsize=(width_px / DPI, height_px / DPI), dpi=DPI)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set(xlim=(0, width_px), ylim=(height_px, 0))
    return figure, axes
