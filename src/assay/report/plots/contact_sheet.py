"""Contact sheets: many small images in a grid, each with a caption. Other figures are in `figures`."""

import math
from collections.abc import Sequence
from textwrap import wrap

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from assay.core.errors import UsageError
from assay.report.plots.style import DPI, families, readable

_SIDE_PX = 112  # small images are enlarged to at least about this
_GAP_PX = 12
_FONT_POINTS = 7.0
_TITLE_POINTS = 10.0
_LINE_PX = math.ceil(1.3 * _FONT_POINTS * DPI / 72)
_LETTER_PX = 0.58 * _FONT_POINTS * DPI / 72  # a usual letter of DejaVu Sans
_CAPTION_LINES = 3
_TITLE_PX = 44


def sheet(
    images: NDArray[np.uint8], captions: Sequence[str] | None = None, columns: int | None = None, title: str = ""
) -> Figure:
    """A grid of images, row by row, each enlarged by a whole factor without smoothing, so that real pixels are seen.

    images: uint8 (N, C, H, W), C = 1 (gray) or 3 (RGB); captions: N texts, wrapped under the images.
    Raises UsageError when there is no image, or not one caption for each.
    """
    _check(images, captions)
    columns = columns or min(len(images), max(4, math.ceil(math.sqrt(1.6 * len(images)))))
    scale = max(1, round(_SIDE_PX / max(images.shape[2:])))
    height, width = images.shape[2] * scale, images.shape[3] * scale
    cell_width = max(width, _SIDE_PX) + _GAP_PX
    texts = _wrapped(captions, int((cell_width - 4) / _LETTER_PX))
    cell_height = height + _GAP_PX + _LINE_PX * max((len(lines) for lines in texts), default=0)
    top = _TITLE_PX if title else _GAP_PX
    total_width = max(columns * cell_width, math.ceil(len(title) * _LETTER_PX * _TITLE_POINTS / _FONT_POINTS)) + _GAP_PX
    canvas = np.full((top + math.ceil(len(images) / columns) * cell_height, total_width, 3), 255, np.uint8)
    figure, axes = _exact(canvas.shape[1], canvas.shape[0])
    for i, image in enumerate(images):
        y = top + i // columns * cell_height
        x = _GAP_PX + i % columns * cell_width
        left = x + (cell_width - _GAP_PX - width) // 2
        canvas[y : y + height, left : left + width] = image.repeat(scale, 1).repeat(scale, 2).transpose(1, 2, 0)
        for number, line in enumerate(texts[i] if texts else (), start=1):
            middle, baseline = x + (cell_width - _GAP_PX) / 2, y + height + number * _LINE_PX - 3
            axes.text(middle, baseline, line, ha="center", va="baseline", fontsize=_FONT_POINTS, fontfamily=families())
    if title:
        axes.text(_GAP_PX, top / 2, readable(title), va="center", fontsize=_TITLE_POINTS, fontfamily=families())
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


def _wrapped(captions: Sequence[str] | None, letters: int) -> list[list[str]]:
    """Each caption as the few short lines that fit under its image."""
    if captions is None or not any(captions):
        return []
    return [
        [part for line in caption.split("\n") for part in wrap(readable(line), letters, placeholder="…", max_lines=2)][
            :_CAPTION_LINES
        ]
        for caption in captions
    ]


def _exact(width_px: int, height_px: int) -> tuple[Figure, Axes]:
    """A figure of exactly this size with one axes that fills it, in pixels from the upper left corner."""
    figure = Figure(figsize=(width_px / DPI, height_px / DPI), dpi=DPI)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set(xlim=(0, width_px), ylim=(height_px, 0))
    return figure, axes
