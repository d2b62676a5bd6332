"""Which images of a set a run has used in its training: by the pixels, whatever the files are called.

pixel_hashes.npy in the run's folder has the hash of each image that was split, in the order of split.npz. Runs on a
named data set have no such file, because its images can always be read again.
"""

from dataclasses import replace

import numpy as np

from assay.core.errors import AssayError, UsageError
from assay.core.progress import ProgressCallback, silent
from assay.data.folders.near_copies import find_near_copies
from assay.data.imageset import ImageSet
from assay.data.pixel_hashes import Hashes, hash_pixels, load_hashes, save_hashes
from assay.data.split import Split
from assay.evaluation.overlap import ImageUse, ImageUses
from assay.experiments.run import Run
from assay.experiments.run_data import Selection, read_images

_FILE = "pixel_hashes.npy"


def store_hashes(run: Run, images: ImageSet) -> None:
    """Write the hashes of all images that the run splits."""
    save_hashes(hash_pixels(images), run.folder / _FILE)


def find_uses(
    run: Run, selection: Selection, images: ImageSet, progress: ProgressCallback = silent
) -> ImageUses | None:
    """What the run did with these images of a selection before.

    None for its own validation images, and for the published test set of its own data set.
    """
    if not selection.needs_check:
        return None
    try:
        split, hashes = Split.load(run.folder / "split.npz"), load_hashes(run.folder / _FILE)
        if hashes is None:
            training = read_images(run, progress)
            run.check_images(training)
            hashes = hash_pixels(training)
    except AssayError as error:
        return ImageUses(None, f"the run stored no hashes of them, and {error}")
    uses = _match_uses(hash_pixels(images), hashes, split)
    if selection.name == run.test_set:  # the split keeps near-duplicates together
        return uses
    try:
        training = read_images(run, progress)
        run.check_images(training)
    except AssayError as error:
        return replace(uses, near_reason=str(error))
    return _add_near_copies(uses, images, training, split)


def find_photo_uses(photos: ImageSet, source: ImageSet, split: Split) -> ImageUses:
    """What a run that has split the images `source` did with these photos before."""
    uses = _match_uses(hash_pixels(photos), hash_pixels(source), split)
    return _add_near_copies(uses, photos, source, split)


def _add_near_copies(uses: ImageUses, images: ImageSet, source: ImageSet, split: Split) -> ImageUses:
    """Near-duplicates of training and validation images among those that seem to be new."""
    assert uses.uses is not None
    new, marks = np.flatnonzero(uses.uses == ImageUse.NEW), uses.uses.copy()
    try:
        is_copy = find_near_copies(images.subset(new), source.subset(np.concatenate([split.train, split.validation])))
    except UsageError as error:
        return replace(uses, near_reason=str(error))
    marks[new[is_copy]] = ImageUse.NEAR
    return replace(uses, uses=marks, has_near=True)


def _match_uses(images: Hashes, source: Hashes, split: Split) -> ImageUses:
    """By the hashes of the images and of all images that were split."""
    uses = np.full(len(images), ImageUse.NEW, np.int8)
    uses[np.isin(images, source[split.validation])] = ImageUse.VALIDATION
    uses[np.isin(images, source[split.train])] = ImageUse.TRAIN
    return ImageUses(uses)
