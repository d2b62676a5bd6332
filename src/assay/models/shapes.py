"""Shapes without the batch, (C, H, W) for images and (F,) for features, and the arithmetic of sliding windows."""

from assay.core.errors import ShapeError

Shape = tuple[int, ...]


def format_shape(shape: Shape) -> str:
    """A shape as text: `24x28x28`."""
    return "x".join(map(str, shape))


def require_image(shape: Shape) -> Shape:
    """The shape itself, if it is (C, H, W). Raises ShapeError for features."""
    if len(shape) != 3:
        raise ShapeError(f"needs an image (channels x height x width), not {format_shape(shape)} features")
    return shape


def slide_window(shape: Shape, window: tuple[int, int], padding: Shape, stride: int) -> tuple[int, int, str]:
    """The height and width of a sliding window's output, and the formula as text.

    shape: (C, H, W) of the input. padding: zeros along height and width, both ends together. Raises ShapeError for a
    window larger than the padded image.

    o = floor((n + p - k) / s) + 1: Dumoulin and Visin, A guide to convolution arithmetic, 2016, relationship 6.
    """
    _, *sides = require_image(shape)
    axes = list(zip(sides, padding, window, strict=True))
    if any(n + p < k for n, p, k in axes):
        raise ShapeError(f"kernel {format_shape(window)} does not fit into {format_shape(shape)}")
    height, width = ((n + p - k) // stride + 1 for n, p, k in axes)
    rows, columns = (_formula(n, p, k, stride) for n, p, k in axes)
    return height, width, rows if rows == columns else f"{rows}; {columns}"


def _formula(n: int, p: int, k: int, s: int) -> str:
    pad = f"2*{p // 2}" if p % 2 == 0 else f"{p}"
    quotient = f"({n} + {pad} - {k})/{s}"
    if (n + p - k) % s:
        quotient = f"floor({quotient})"
    return f"{quotient} + 1 = {(n + p - k) // s + 1}"
