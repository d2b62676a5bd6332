"""The one guarded way from an image file to 8-bit pixels of a wanted shape. What the net does with them: `preprocess`.

Formats are allow-listed, sizes are limited before anything is decoded, pictures become upright, and gray or RGB.
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
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError
from torch.nn import functional

from assay.core.errors import DataError

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")  # an allow-list: Pillow's rarer decoders are never reached
MAX_BYTES = 512 * 2**20
MAX_PIXELS = 64 * 2**20  # above it a small file can cost seconds and gigabytes
MAX_SIDE = 30_000

Shape = tuple[int, int, int]  # (C, H, W)

_ORIENTATION = 0x0112  # EXIF's tag
_DRAFT = 2  # a JPEG is decoded at 1/2, 1/4 or 1/8 as long as it stays at least so many times larger than needed


@dataclass(frozen=True)
class Picture:
    """A decoded file: pixels uint8 (C, H, W), and what the file was. width and height in pixels, as stored in it."""

    pixels: NDArray[np.uint8]
    format: str
    mode: str
    width: int
    height: int
    animated: bool  # of several frames the first was taken


@contextmanager
def quiet() -> Iterator[None]:
    """Within it Pillow's warnings are not shown: what is wrong with a file is an error here, and the rest is usual.

    The filter belongs to the whole process, so several threads that decode go into one `quiet` together.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def open_image(path: Path) -> Image.Image:
    """The decoded image of a file; of an animation the first frame.

    Raises DataError, naming the file, when it is missing, not an image of a known format, too large (seen in the
    header, before decoding), or damaged.
    """
    with quiet(), _naming(path):
        image = _open(read_bytes(path))
        _load(image)
        return image


def read_picture(path: Path, shape: Shape) -> Picture:
    """The pixels of a file as `fit` makes them. Raises DataError, naming the file, as `open_image`."""
    with quiet(), _naming(path):
        return decode(read_bytes(path), shape)


def read_bytes(path: Path) -> bytes:
    """The content of an image file. Raises DataError, without its name."""
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


def decode(content: bytes, shape: Shape) -> Picture:
    """The pixels of a file's content, to be called within `quiet`. Raises DataError, without a name."""
    image = _open(content)
    width, height, kind, mode = *image.size, str(image.format), image.mode
    animated = kind in ("GIF", "WEBP", "PNG", "TIFF") and bool(getattr(image, "is_animated", False))
    image.draft(None, (_DRAFT * shape[2], _DRAFT * shape[1]))  # JPEG alone; the colors stay
    _load(image)
    return Picture(fit(image, shape), "JPEG" if kind == "MPO" else kind, mode, width, height, animated)


def fit(image: Image.Image, shape: Shape) -> NDArray[np.uint8]:
    """The largest centered part of the shape's proportions, resized with antialias: uint8 (C, H, W), C = 1 or 3.

    The EXIF orientation is applied, transparency is laid on white, 16-bit gray is scaled to 8 bits, colors become gray
    or RGB. Raises DataError for pixels that are not colors.
    """
    channels, height, width = shape
    plain = _converted(_plain(image), "L" if channels == 1 else "RGB")
    # RGB as Pillow keeps it, with a fourth byte that nobody uses: copied as it is, and torch is at its fastest with it
    raw = np.frombuffer(plain.tobytes("raw", "L" if channels == 1 else "RGBX"), np.uint8)
    pixels = np.array(raw.reshape(plain.height, plain.width, -1)[_centered(plain.size, width / height)])
    if pixels.shape[:2] != (height, width):  # torch's resize is within one level of Pillow's, and several times as fast
        wide = torch.from_numpy(pixels).permute(2, 0, 1)[None]
        resized = functional.interpolate(wide, (height, width), mode="bilinear", antialias=True)
        return resized[0, :channels].numpy()
    return pixels.transpose(2, 0, 1)[:channels]


def colored(image: Image.Image) -> Image.Image:
    """The whole image as `fit` sees it, in gray if it is gray, else in RGB. Raises DataError as `fit` does."""
    plain = _plain(image)
    return _converted(plain, "L" if plain.mode in ("L", "1") else "RGB")


def _centered(size: tuple[int, int], proportion: float) -> tuple[slice, slice]:
    """Rows and columns of the largest centered part of that proportion of width to height, in whole pixels."""
    width = max(1, min(size[0], round(size[1] * proportion)))
    height = max(1, min(size[1], round(size[0] / proportion)))
    left, top = (size[0] - width) // 2, (size[1] - height) // 2
    return slice(top, top + height), slice(left, left + width)


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Within it, a DataError gains the name of the file."""
    try:
        yield
    except DataError as error:
        raise DataError(f"{path}: {error}") from error


def _open(content: bytes) -> Image.Image:
    """An image whose header is read, and no more."""
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


def _plain(image: Image.Image) -> Image.Image:
    """Upright, of 8 bits, opaque."""
    return _opaque(_eight_bits(_upright(image)))


def _upright(image: Image.Image) -> Image.Image:
    """The image as it should be seen; an EXIF block that makes no sense turns nothing."""
    try:
        turned = image.getexif().get(_ORIENTATION, 1) != 1
    except Exception:  # damaged EXIF makes Pillow raise nearly anything, and the pixels are whole
        return image
    return ImageOps.exif_transpose(image) if turned else image


def _eight_bits(image: Image.Image) -> Image.Image:
    """16-bit gray as 8-bit gray; Pillow's own conversion clips at 255 and turns such a picture white."""
    if image.mode == "F":
        raise DataError("an image of floating-point pixels has no agreed white; save it with 8 or 16 bits")
    if not image.mode.startswith("I"):
        return image
    values = np.asarray(image).astype(np.int64)
    if values.min() < 0 or values.max() > 65535:
        raise DataError("an image of 32-bit pixels has no agreed white; save it with 8 or 16 bits")
    return Image.fromarray(np.round(values / 257).astype(np.uint8))


def _opaque(image: Image.Image) -> Image.Image:
    """Transparent pixels laid on white, so that no color hidden under them shows."""
    if not image.has_transparency_data:
        return image
    layer = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)


def _converted(image: Image.Image, mode: str) -> Image.Image:
    if image.mode == mode:  # Pillow would copy it
        return image
    try:
        return (_from_lab(image) if image.mode == "LAB" else image).convert(mode)
    except ValueError as error:
        raise DataError(f"an image of color mode {image.mode} cannot be made RGB; convert it first") from error


def _from_lab(image: Image.Image) -> Image.Image:
    """CIELAB as sRGB, by LittleCMS; Pillow's `convert` does not know it."""
    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    transform = ImageCms.buildTransform(ImageCms.ImageCmsProfile(lab), ImageCms.ImageCmsProfile(srgb), "LAB", "RGB")
    found = ImageCms.applyTransform(image, transform)
    assert found is not None  # None only comes of inPlace
    return found
