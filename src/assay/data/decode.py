"""The only way from an image file to 8-bit pixels of a given shape. Preprocessing for the net: `preprocess`.

Formats are allow-listed, and sizes are limited before decoding. Images become upright, and gray or RGB.
"""

import io
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from torch.nn import functional

from assay.core.errors import DataError
from assay.data.color_modes import convert_mode, to_plain
from assay.data.imageset import ImageShape

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")  # an allow-list, to keep Pillow's rarer decoders out of reach
MAX_BYTES = 512 * 2**20
MAX_PIXELS = 64 * 2**20  # beyond this, a small file can cost seconds and gigabytes
MAX_SIDE = 30_000

_DRAFT = 2  # a JPEG is decoded at 1/2, 1/4 or 1/8 of its size if that is still at least twice the target size


@dataclass(frozen=True)
class DecodedImage:
    """A decoded file: pixels uint8 (C, H, W), and the file's format, color mode, width and height in pixels.

    has_frames: the file is an animation, and `pixels` is its first frame.
    """

    pixels: NDArray[np.uint8]
    format: str
    mode: str
    width: int
    height: int
    has_frames: bool


@contextmanager
def silence_pillow() -> Iterator[None]:
    """Hide Pillow's warnings: real problems of a file raise errors here, and the rest is normal.

    Warning filters are process-wide, so threads that decode share one `silence_pillow` block.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def open_image(path: Path) -> Image.Image:
    """Open and decode an image file; an animation gives its first frame.

    Raises DataError, naming the file, if it is missing, of an unknown format, too large (according to its header) or
    damaged.
    """
    with silence_pillow(), _add_path(path):
        image = _open(read_bytes(path))
        _load(image)
        return image


def read_image(path: Path, shape: ImageShape) -> DecodedImage:
    """Read a file and `fit` its pixels. Raises DataError, naming the file, like `open_image`."""
    with silence_pillow(), _add_path(path):
        return decode(read_bytes(path), shape)


def read_bytes(path: Path) -> bytes:
    """The content of an image file. Raises DataError, without the file's name."""
    try:
        status = os.stat(path)  # noqa: PTH116  # Path.stat costs twice as much
        if not S_ISREG(status.st_mode):  # a folder, or a pipe that would block
            raise DataError("there is no such file")
        if status.st_size > MAX_BYTES:
            raise DataError(f"more than {MAX_BYTES // 2**20} MiB; make it smaller first")
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123
            content = file.readall()
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:  # ValueError: a name with a zero in it
        raise DataError("there is no such file") from error
    except OSError as error:
        raise DataError(f"cannot be read ({error.strerror or error})") from error
    if not content:
        raise DataError("an empty file (0 bytes)")
    return content


def decode(content: bytes, shape: ImageShape) -> DecodedImage:
    """Decode and `fit` the content of a file; call it inside `silence_pillow`. Raises DataError, without a name."""
    image = _open(content)
    width, height, kind, mode = *image.size, str(image.format), image.mode
    has_frames = kind in ("GIF", "WEBP", "PNG", "TIFF") and bool(getattr(image, "is_animated", False))
    image.draft(None, (_DRAFT * shape[2], _DRAFT * shape[1]))  # only affects JPEG; colors stay
    _load(image)
    return DecodedImage(fit(image, shape), "JPEG" if kind == "MPO" else kind, mode, width, height, has_frames)


def fit(image: Image.Image, shape: ImageShape, *, squeeze: bool = False) -> NDArray[np.uint8]:
    """Crop to the shape's proportions, centered, and resize with antialias: uint8 (C, H, W), C = 1 or 3.

    squeeze: resize the whole image instead, which changes its proportions unless they are the shape's.
    Applies the EXIF orientation, puts transparent images on white, scales 16-bit gray to 8 bits, and converts to gray
    or RGB. Raises DataError for pixels that are not colors.
    """
    channels, height, width = shape
    plain = convert_mode(to_plain(image), "L" if channels == 1 else "RGB")
    # RGBX is Pillow's own layout of RGB: it is copied as it is, and torch resizes it fastest
    raw = np.frombuffer(plain.tobytes("raw", "L" if channels == 1 else "RGBX"), np.uint8)
    pixels = raw.reshape(plain.height, plain.width, -1)
    pixels = np.array(pixels if squeeze else pixels[_center_crop(plain.size, width / height)])
    if pixels.shape[:2] != (height, width):  # torch's resize is within one level of Pillow's and several times faster
        batch = torch.from_numpy(pixels).permute(2, 0, 1)[None]
        batch = functional.interpolate(batch, (height, width), mode="bilinear", antialias=True)
        return batch[0, :channels].numpy()
    return pixels.transpose(2, 0, 1)[:channels]


def to_gray_or_rgb(image: Image.Image) -> Image.Image:
    """The whole image as `fit` sees it: gray if it is gray, else RGB. Raises DataError like `fit`."""
    plain = to_plain(image)
    return convert_mode(plain, "L" if plain.mode in ("L", "1") else "RGB")


def _center_crop(size: tuple[int, int], proportion: float) -> tuple[slice, slice]:
    """Rows and columns of the largest centered crop with this ratio of width to height, in whole pixels."""
    width = max(1, min(size[0], round(size[1] * proportion)))
    height = max(1, min(size[1], round(size[0] / proportion)))
    left, top = (size[0] - width) // 2, (size[1] - height) // 2
    return slice(top, top + height), slice(left, left + width)


@contextmanager
def _add_path(path: Path) -> Iterator[None]:
    """Put the path of the file before the message of a DataError."""
    try:
        yield
    except DataError as error:
        raise DataError(f"{path}: {error}") from error


def _open(content: bytes) -> Image.Image:
    """Open an image and read its header only."""
    try:
        image = Image.open(io.BytesIO(content), formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise _too_large() from error
    except UnidentifiedImageError as error:
        raise DataError(f"not an image that can be read; known: {', '.join(FORMATS)}") from error
    except Exception as error:  # a broken header makes Pillow raise nearly anything
        raise DataError(f"the image cannot be opened ({error})") from error
    if image.width * image.height > MAX_PIXELS or max(image.size) > MAX_SIDE:
        raise _too_large()
    return image


def _load(image: Image.Image) -> None:
    try:
        image.load()
    except Exception as error:  # a damaged file makes Pillow's decoders raise nearly anything
        raise DataError(f"the image is damaged or truncated ({error})") from error


def _too_large() -> DataError:
    return DataError(
        f"more than {MAX_PIXELS // 2**20} megapixels, or a side above {MAX_SIDE:,} px; make it smaller first"
    )
