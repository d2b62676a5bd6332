"""One's own photographs in folders, one a class, beside a run's data set: read, changed, brought to a run's size.

Training on a folder is a source's business; here photographs are looked at as they are, before they are shrunk.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps

from assay.core.errors import UsageError
from assay.data.blur import blur, gaussian, opencv_sigma
from assay.data.decode import open_image, to_gray_or_rgb
from assay.data.folders.layouts import find
from assay.data.imageset import ImageSet
from assay.data.preprocess import Preprocess


@dataclass(frozen=True, eq=False)
class Photographs:
    """Files with labels, int64 (N,), and class names; going through them opens one after another."""

    folder: Path
    paths: tuple[Path, ...]
    labels: NDArray[np.int64]
    class_names: tuple[str, ...]

    def __len__(self) -> int:
        """How many there are."""
        return len(self.paths)

    def __iter__(self) -> Iterator[Image.Image]:
        """Each photograph, upright, in gray or RGB. Raises DataError, naming it, for a file that is no image."""
        for path in self.paths:
            yield to_gray_or_rgb(open_image(path))

    @property
    def name(self) -> str:
        """The folder's own name."""
        return self.folder.resolve().name


def photographs(folder: Path) -> Photographs:
    """Those of a folder in any of its layouts (`folders/layouts.py`), whatever their part.

    A file that is no image is an error once it is opened: `assay data check` finds all of them. Raises UsageError where
    there are none, DataError for a damaged table.
    """
    listing = find(folder)
    names = tuple(sorted({entry.label for entry in listing.entries}))
    number = {name: i for i, name in enumerate(names)}
    labels = np.array([number[entry.label] for entry in listing.entries], np.int64)
    return Photographs(folder, tuple(map(listing.file, listing.entries)), labels, names)


def shrunk(
    found: Photographs, preprocess: Preprocess, class_names: tuple[str, ...],
    change: Callable[[Image.Image], Image.Image] = lambda image: image, antialias: bool = True,
) -> ImageSet:  # fmt: skip
    """The photographs as images of a run's data set, each changed before it is shrunk; labels by the classes' names.

    antialias: as `Preprocess.read_pil` shrinks any picture; without, the nearest pixel is taken, as Keras's `load_img`
    does unless told otherwise. Raises UsageError for classes that the run does not know.
    """
    if unknown := sorted(set(found.class_names) - set(class_names)):
        own = ", ".join(class_names)
        raise UsageError(f"{found.folder}: the run does not know the classes {', '.join(unknown)}; its own are {own}")
    fit = preprocess.read_pil if antialias else lambda image: preprocess.read_pil(_nearest(image, preprocess))
    images = torch.cat([fit(change(image)) for image in found]).numpy()
    places = np.array([class_names.index(name) for name in found.class_names], dtype=np.int64)
    return ImageSet(images, places[found.labels], class_names, found.name)


def kernel_side(width_px: int) -> int:
    """The side of the fourth report's blur: a seventy-fifth of the width, rounded, and one more where that is even."""
    return max(1, round(width_px / 75)) | 1


def report_blur(image: Image.Image) -> Image.Image:
    """The fourth report's blur: a Gaussian of `kernel_side` pixels, its spread by OpenCV's rule, edges reflected."""
    side = kernel_side(image.width)
    if side == 1:
        return image
    values = torch.from_numpy(np.array(image)).float()
    planes = values[None, None] if values.ndim == 2 else values.permute(2, 0, 1)[None]
    seen = blur(planes, gaussian(opencv_sigma(side), side // 2)).round().clamp(0, 255).to(torch.uint8)[0]
    return Image.fromarray(seen[0].numpy() if len(seen) == 1 else seen.permute(1, 2, 0).contiguous().numpy())


def _nearest(image: Image.Image, preprocess: Preprocess) -> Image.Image:
    _, height, width = preprocess.source_shape
    return ImageOps.fit(image, (width, height), Image.Resampling.NEAREST)
