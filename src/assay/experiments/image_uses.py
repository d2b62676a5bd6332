"""Which images of a set a run has used in its training: by the pixels, whatever the files are called.

pixel_hashes.npy in the run's folder has the hash of each image that was split, in the order of split.npz. Runs on a
named data set have no such file, because its images can always be read again.
"""

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import AssayError, DataError
from assay.core.files import atomic_save
from assay.core.progress import ProgressCallback, silent
from assay.data.imageset import ImageSet
from assay.data.pixel_hashes import hash_pixels
from assay.data.split import Split
from assay.evaluation.overlap import ImageUse, ImageUses
from assay.experiments.run import Run
from assay.experiments.run_data import Selection, read_images
from assay.experiments.run_files import damage_errors

Hashes = NDArray[np.uint64]
_FILE = "pixel_hashes.npy"


def store_hashes(run: Run, images: ImageSet) -> None:
    """Write the hashes of all images that the run splits."""
    hashes = hash_pixels(images)
    atomic_save(run.folder / _FILE, lambda path: np.save(path, hashes, allow_pickle=False))


def find_uses(
    run: Run, selection: Selection, images: ImageSet, progress: ProgressCallback = silent
) -> ImageUses | None:
    """What the run did with these images of a selection before.

    None for its own validation images, and for the published test set of its own data set.
    """
    if not selection.needs_check:
        return None
    try:
        split, hashes = Split.load(run.folder / "split.npz"), _read_hashes(run)
        if hashes is None:
            training = read_images(run, progress)
            run.check_images(training)
            hashes = hash_pixels(training)
    except AssayError as error:
        return ImageUses(None, f"the run stored no hashes of them, and {error}")
    return ImageUses(match_uses(hash_pixels(images), hashes, split))


def match_uses(images: Hashes, source: Hashes, split: Split) -> NDArray[np.int8]:
    """An ImageUse for each image, int8 (N,), by the hashes of images and of all images that were split, uint64 each."""
    uses = np.full(len(images), ImageUse.NEW, np.int8)
    uses[np.isin(images, source[split.validation])] = ImageUse.VALIDATION
    uses[np.isin(images, source[split.train])] = ImageUse.TRAIN
    return uses


def _read_hashes(run: Run) -> Hashes | None:
    """The stored hashes; None if there are none. Raises DataError if the file is damaged."""
    path = run.folder / _FILE
    if not path.exists():
        return None
    with damage_errors(path):
        hashes = np.load(path, allow_pickle=False)
    if hashes.dtype != np.uint64 or hashes.ndim != 1:
        raise DataError(f"{path} is damaged: it should hold one uint64 for each image")
    return np.asarray(hashes)
