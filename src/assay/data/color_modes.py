"""Any decoded image made plain: upright, 8-bit, opaque, gray or RGB."""

import numpy as np
from PIL import Image, ImageCms, ImageOps

from assay.core.errors import DataError

_ORIENTATION = 0x0112  # the EXIF tag


def to_plain(image: Image.Image) -> Image.Image:
    """Make an image upright, 8-bit and opaque. Raises DataError for floating-point and 32-bit pixels."""
    return _to_opaque(_to_eight_bits(_to_upright(image)))


def _to_upright(image: Image.Image) -> Image.Image:
    """Apply the EXIF orientation; a damaged EXIF block is ignored."""
    try:
        is_rotated = image.getexif().get(_ORIENTATION, 1) != 1
    except Exception:  # damaged EXIF makes Pillow raise nearly anything, but the pixels are fine
        return image
    return ImageOps.exif_transpose(image) if is_rotated else image


def _to_eight_bits(image: Image.Image) -> Image.Image:
    """Scale 16-bit gray to 8 bits; Pillow's own conversion clips at 255, which turns such an image white."""
    if image.mode == "F":
        raise DataError("an image of floating-point pixels has no agreed white; save it with 8 or 16 bits")
    if not image.mode.startswith("I"):
        return image
    values = np.asarray(image).astype(np.int64)
    if values.min() < 0 or values.max() > 65535:
        raise DataError("an image of 32-bit pixels has no agreed white; save it with 8 or 16 bits")
    return Image.fromarray(np.round(values / 257).astype(np.uint8))


def _to_opaque(image: Image.Image) -> Image.Image:
    """Put a transparent image on white, so that colors under transparent pixels stay hidden."""
    if not image.has_transparency_data:
        return image
    layer = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)


def convert_mode(image: Image.Image, mode: str) -> Image.Image:
    """Convert to another Pillow mode. Raises DataError if Pillow cannot."""
    if image.mode == mode:  # saves the copy that Pillow would make
        return image
    try:
        return (_from_lab(image) if image.mode == "LAB" else image).convert(mode)
    except ValueError as error:
        raise DataError(f"an image of color mode {image.mode} cannot be made RGB; convert it first") from error


def _from_lab(image: Image.Image) -> Image.Image:
    """Convert CIELAB to sRGB by LittleCMS; Pillow's `convert` cannot."""
    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    transform = ImageCms.buildTransform(ImageCms.ImageCmsProfile(lab), ImageCms.ImageCmsProfile(srgb), "LAB", "RGB")
    output = ImageCms.applyTransform(image, transform)
    assert output is not None  # it is None only with inPlace
    return output
