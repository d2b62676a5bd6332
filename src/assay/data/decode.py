"""The one guarded way from an image file to pixels in memory. Size and colours for the net: `preprocess`."""

import warnings
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from assay.errors import DataError

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")  # an allow-list: Pillow's rarer decoders are never reached
MAX_PIXELS = 64 * 2**20  # above it a small file can cost seconds and gigabytes


def open_image(path: Path) -> Image.Image:
    """The decoded image of a file; of an animation the first frame.

    Raises DataError, naming the file, when it is missing, not an image of a known format, larger than 64 megapixels
    (seen in the header, before decoding), or damaged.
    """
    if not path.is_file():
        raise DataError(f"{path}: there is no such file")
    image = _open(path)
    with image:
        if image.width * image.height > MAX_PIXELS:
            raise _too_large(path)
        try:
            image.load()
        except Exception as error:  # a damaged file makes Pillow's decoders raise nearly anything
            raise DataError(f"{path}: the image is damaged or truncated ({error})") from error
    return image


def _open(path: Path) -> Image.Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            return Image.open(path, formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_large(path) from error
    except UnidentifiedImageError as error:
        raise DataError(f"{path} is not an image that can be read; known: {', '.join(FORMATS)}") from error
    except Exception as error:  # a broken header
        raise DataError(f"{path}: the image cannot be opened ({error})") from error


def _too_large(path: Path) -> DataError:
    return DataError(f"{path} has more than {MAX_PIXELS // 2**20} megapixels; make it smaller first")
