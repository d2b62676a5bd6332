"""Photos in class folders, to evaluate a run that was trained on other data: found, changed, shrunk to its size.

Folders to train on are read by `folders`. Here the photos are available at full size, before they are shrunk.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from assay.core.errors import UsageError
from assay.data.decode import fit, open_image, to_gray_or_rgb
from assay.data.folders.layouts import find_images
from assay.data.imageset import ImageSet, ImageShape
from assay.data.preprocess import Preprocess


@dataclass(frozen=True, eq=False)
class PhotoFiles:
    """Image files with labels, int64 (N,), and class names. Iterating opens one file after the other."""

    folder: Path
    paths: tuple[Path, ...]
    labels: NDArray[np.int64]
    class_names: tuple[str, ...]

    def __len__(self) -> int:
        """The number of photos."""
        return len(self.paths)

    def __iter__(self) -> Iterator[Image.Image]:
        """Each photo, upright, gray or RGB. Raises DataError, naming the file, if it is not an image."""
        for path in self.paths:
            yield to_gray_or_rgb(open_image(path))

    @property
    def name(self) -> str:
        """The name of the folder."""
        return self.folder.resolve().name


def find_photos(folder: Path) -> PhotoFiles:
    """The photos of a folder in any of the layouts of `folders/layouts.py`, of every part.

    Files are not opened yet, so bad ones raise later; `assay data check` lists them. Raises UsageError if there are no
    photos, DataError for a damaged table.
    """
    listing = find_images(folder)
    names = tuple(sorted({entry.label for entry in listing.entries}))
    number = {name: i for i, name in enumerate(names)}
    labels = np.array([number[entry.label] for entry in listing.entries], np.int64)
    return PhotoFiles(folder, tuple(map(listing.file_path, listing.entries)), labels, names)


def shrink_photos(
    photos: PhotoFiles, preprocess: Preprocess, class_names: tuple[str, ...],
    change: Callable[[Image.Image], Image.Image] = lambda image: image, antialias: bool = True, squeeze: bool = False,
) -> ImageSet:  # fmt: skip
    """Make the photos images of a run's data set: change each one, then shrink it; labels follow `class_names`.

    antialias: as in `Preprocess.read_pil`; without it the nearest pixel is taken. squeeze: the whole photo is squeezed
    to the size; without it the largest centered crop is taken, as in `Preprocess.read_pil`. Keras's `load_img` takes
    the nearest pixel and squeezes, unless told otherwise (and leaves photos as the camera turned them). Raises
    UsageError for classes that the run does not have.
    """
    if unknown := sorted(set(photos.class_names) - set(class_names)):
        raise UsageError(
            f"{photos.folder}: the run does not know the classes {', '.join(unknown)}; "
            f"its classes are {', '.join(class_names)}"
        )
    images = np.stack([_shrink(change(image), preprocess.source_shape, antialias, squeeze) for image in photos])
    positions = np.array([class_names.index(name) for name in photos.class_names], dtype=np.int64)
    return ImageSet(images, positions[photos.labels], class_names, photos.name)


def describe_shrinking(antialias: bool, squeeze: bool) -> str:
    """How `shrink_photos` treats photos, in words: `the middle of each, shrunk with antialiasing`."""
    how = "with antialiasing" if antialias else "to the nearest pixel"
    return f"each squeezed to the net's proportions, {how}" if squeeze else f"the middle of each, shrunk {how}"


def _shrink(image: Image.Image, shape: ImageShape, antialias: bool, squeeze: bool) -> NDArray[np.uint8]:
    """One photo, uint8 (C, H, W)."""
    if antialias:
        return fit(image, shape, squeeze=squeeze)
    size, nearest = (shape[2], shape[1]), Image.Resampling.NEAREST
    return fit(image.resize(size, nearest) if squeeze else ImageOps.fit(image, size, nearest), shape)
