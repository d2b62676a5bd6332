"""Sets of distinct images, and the ways in which people copy an image: the material of `benchmarks.duplicates`."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageOps
from scipy.ndimage import gaussian_filter
from sklearn.datasets import load_digits

from assay.data.datasets.catalog import load_dataset

Copy = Callable[[Image.Image, np.random.Generator], bytes]


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def _jpeg(image: Image.Image, generator: np.random.Generator) -> bytes:
    del generator
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=60)
    return buffer.getvalue()


def _resize(factor: float) -> Copy:
    def copy(image: Image.Image, generator: np.random.Generator) -> bytes:
        del generator
        width, height = (max(1, round(side * factor)) for side in image.size)
        return _png(image.resize((width, height), Image.Resampling.BICUBIC))

    return copy


def _crop(image: Image.Image, generator: np.random.Generator) -> bytes:
    """Without 3 % of the width and of the height, one pixel at least, taken from random sides."""
    cuts = [max(1, round(side * 0.03)) for side in image.size]
    left, top = (int(generator.integers(cut + 1)) for cut in cuts)
    return _png(image.crop((left, top, left + image.width - cuts[0], top + image.height - cuts[1])))


COPIES: dict[str, Copy] = {
    "JPEG 60": _jpeg,
    "half the size": _resize(0.5),
    "twice the size": _resize(2.0),
    "cropped by 3 %": _crop,
    "20 % brighter": lambda image, _: _png(ImageEnhance.Brightness(image).enhance(1.2)),
    "mirrored": lambda image, _: _png(ImageOps.mirror(image)),
}


def draw_xrays(n: int, generator: np.random.Generator, side: int = 96) -> list[Image.Image]:
    """Chests that differ only a little in place, size and contrast of lungs and ribs, and in noise."""
    y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    return [Image.fromarray(_xray(x, y, generator)) for _ in range(n)]


def _xray(x: NDArray[np.float64], y: NDArray[np.float64], generator: np.random.Generator) -> NDArray[np.uint8]:
    tone = 90 + 60 * np.exp(-(x**2) - y**2) + generator.normal(0, 6)
    tone += generator.normal(120, 15) * np.exp(-(((x - generator.normal(0, 0.015)) / 0.1) ** 2))
    for middle in (-0.36, 0.36):
        radius = ((x - middle - generator.normal(0, 0.015)) / generator.normal(0.19, 0.01)) ** 2
        radius += ((y - generator.normal(0, 0.02)) / generator.normal(0.5, 0.02)) ** 2
        tone -= generator.normal(70, 8) * np.exp(-(radius**2))
    tone += generator.normal(4, 1) * np.sin(18 * (y + 0.15 * x**2) + generator.normal(0, 0.3))
    for _ in range(generator.integers(0, 4)):  # spots on the lungs of the ill
        center = generator.choice([-0.36, 0.36]) + generator.normal(0, 0.08), generator.normal(0, 0.2)
        tone += generator.normal(30, 8) * np.exp(-((x - center[0]) ** 2 + (y - center[1]) ** 2) / 0.006)
    return (tone + generator.normal(0, 6, x.shape)).clip(0, 255).astype(np.uint8)


def draw_castings(n: int, generator: np.random.Generator, side: int = 128) -> list[Image.Image]:
    """The same gray ring under the same camera, turned anyhow, with grain, and in half of them a few pores."""
    y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    return [Image.fromarray(_casting(x, y, generator)) for _ in range(n)]


def _casting(x: NDArray[np.float64], y: NDArray[np.float64], generator: np.random.Generator) -> NDArray[np.uint8]:
    x, y = x - generator.normal(0, 0.02), y - generator.normal(0, 0.02)
    radius, angle = np.hypot(x, y), np.arctan2(y, x) + generator.uniform(0, 2 * np.pi)
    tone = np.where(radius < 0.8, 150.0, 205.0) - 45 * (radius < 0.25) + 14 * np.sin(30 * radius)
    tone += 25 * (abs(radius - 0.55) < 0.06) * (np.cos(6 * angle) > 0.5)
    tone += 12 * gaussian_filter(generator.normal(0, 4, x.shape), 2) + 12 * x
    for _ in range(generator.integers(0, 4)):
        middle = generator.uniform(-0.5, 0.5, 2)
        tone -= 60 * np.exp(-((x - middle[0]) ** 2 + (y - middle[1]) ** 2) / 0.001)
    return np.asarray((tone + generator.normal(0, 4, x.shape)).clip(0, 255), np.uint8)


def draw_digits() -> list[Image.Image]:
    """scikit-learn's 1,797 handwritten digits, 8 x 8."""
    return [Image.fromarray((image * 255 / 16).astype(np.uint8)) for image in load_digits().images]


def named_images(name: str, n: int) -> list[Image.Image]:
    """The first n training images of a named data set."""
    images = load_dataset(name, "train").images[:n]
    return [Image.fromarray(np.asarray(image).transpose(1, 2, 0).squeeze()) for image in images]


def photos(folder: Path) -> list[Image.Image]:
    """The photos FOLDER/CLASS/*.jpg."""
    return [Image.open(path).copy() for path in sorted(folder.glob("*/*.jpg"))]
