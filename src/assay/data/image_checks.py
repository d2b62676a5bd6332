"""What the arrays and class names of an ImageSet must be. Errors say what to change."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from assay.core.errors import DataError, UsageError

_Kind = tuple[Sequence[int], Sequence[str]]  # shape (C, H, W) of the images, class names


def check_pixels(images: Any, source: str) -> None:
    """Raise DataError unless images are a uint8 array (N, C, H, W) with 1 or 3 channels and at least one pixel."""
    _check_array(images, "images", source)
    shape = images.shape
    if images.dtype == np.uint8 and len(shape) == 4 and shape[1] in (1, 3) and min(shape[2:]) > 0:
        return
    raise DataError(
        f"{source}: images must be uint8 (N, C, H, W) with 1 or 3 channels, not {images.dtype} {shape}"
        f"{_layout_hint(shape) or _dtype_hint(images)}"
    )


def check_labels(labels: Any, count: int, class_names: Sequence[str], source: str) -> None:
    """Raise DataError unless labels are int64 (count,), each the position of a class name."""
    _check_array(labels, "labels", source)
    if labels.dtype != np.int64 or labels.shape != (count,):
        raise DataError(f"{source}: labels must be int64 ({count},), not {labels.dtype} {labels.shape}")
    if len(labels) and not 0 <= labels.min() <= labels.max() < len(class_names):
        raise DataError(
            f"{source}: labels run from {labels.min()} to {labels.max()}, but there are {len(class_names)} class names"
        )


def check_class_names(class_names: Any, source: str) -> None:
    """Raise DataError unless class names are a sequence of different strings."""
    if isinstance(class_names, str) or not all(isinstance(name, str) for name in class_names):
        raise DataError(f"{source}: class names must be a tuple of strings, not {class_names!r}")
    repeated = sorted({name for name in class_names if list(class_names).count(name) > 1})
    if repeated:
        raise DataError(f"{source}: class names must differ; there are several of {', '.join(repeated)}")


def check_fits(source: str, images: _Kind, expected: _Kind) -> None:
    """Raise UsageError unless a net for the `expected` kind can be evaluated on images of this kind.

    A kind is the shape (C, H, W) with the class names; these may come in another order, or be fewer.
    """
    (shape, class_names), (expected_shape, expected_names) = images, expected
    if not set(class_names) <= set(expected_names):
        raise UsageError(f"the classes of {source} differ from the run's: {_difference(class_names, expected_names)}")
    if tuple(shape) != tuple(expected_shape):
        raise UsageError(f"the images of {source} are {_size(shape)}, the run was trained on {_size(expected_shape)}")


def _size(shape: Sequence[int]) -> str:
    return "x".join(str(side) for side in shape)


def _difference(names: Sequence[str], expected_names: Sequence[str]) -> str:
    extra, missing = sorted(set(names) - set(expected_names)), sorted(set(expected_names) - set(names))
    parts = [f"{word}: {', '.join(part)}" for word, part in (("new", extra), ("missing", missing)) if part]
    return "; ".join(parts)


def _check_array(array: Any, name: str, source: str) -> None:
    if not isinstance(array, np.ndarray):
        raise DataError(f"{source}: {name} must be a NumPy array, not {type(array).__name__}; see numpy.asarray")


def _layout_hint(shape: Sequence[int]) -> str:
    """How to get to (N, C, H, W) from another layout; empty if this one is right or nobody knows."""
    if len(shape) == 4 and shape[1] not in (1, 3) and shape[3] in (1, 3):
        return "; put the channels first: images.transpose(0, 3, 1, 2)"
    if len(shape) == 3 and shape[0] not in (1, 3):
        return "; gray images need a channel: images[:, None]"
    return ""


def _dtype_hint(images: np.ndarray) -> str:
    """How to get to uint8 from another dtype."""
    if images.dtype == np.uint8:
        return ""
    if images.dtype.kind != "f" or not images.size:
        return "; make them 0 to 255: images.astype(np.uint8)"
    if not np.isfinite(images).all():
        return f"; {np.count_nonzero(~np.isfinite(images)):,} values are NaN or infinite"
    if images.min() >= 0 and images.max() <= 1:
        return "; make them 0 to 255: (255 * images).round().astype(np.uint8)"
    return f"; values run from {images.min():.4g} to {images.max():.4g}; bring them to 0 to 255, then .astype(np.uint8)"
