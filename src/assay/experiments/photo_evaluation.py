"""A run's accuracy on your own photos, as they are and blurred.

predictions/photographs-<name>-<hash>/ has the predictions.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from torch import nn

from assay.core.numbers import Interval
from assay.core.runtime import Runtime
from assay.data.imageset import ImageSet
from assay.data.photo_files import PhotoFiles, find_photos, shrink_photos
from assay.evaluation.classifier import Classifier
from assay.evaluation.intervals import wilson_interval
from assay.evaluation.predictions import Predictions
from assay.experiments.load import load
from assay.experiments.paper_blur import paper_blur
from assay.experiments.run import Run, SplitName
from assay.experiments.scoring import as_for_test_set

# How a photo is changed, and whether it is then shrunk with antialias.
WAYS = {
    "as they are": (lambda image: image, True),
    "report's blur": (paper_blur, True),
    "nearest pixel": (lambda image: image, False),
    "report's blur, nearest pixel": (paper_blur, False),
}


@dataclass(frozen=True)
class Accuracy:
    """The mean accuracy of runs on the same n images.

    interval: 95 %, over images for these runs: Wilson's at the mean accuracy, so never narrower than one run's.
    """

    mean: float
    interval: Interval
    n: int

    @classmethod
    def over(cls, replicates: Sequence[Predictions]) -> Self:
        """The accuracy of one run or of replicates."""
        hits = np.array([run.predicted == run.labels for run in replicates])
        runs, n = hits.shape
        correct = int(hits.sum()) / runs
        return cls(correct / n, wilson_interval(correct, n), n)


def score_photographs(
    run: Run, folder: Path, *, squeeze: bool = False, model: nn.Module | None = None, runtime: Runtime | None = None
) -> dict[str, Predictions]:
    """Predictions for the photos in `folder/<class>/`, changed in each of WAYS. They are stored by the photos' content.

    squeeze: how photos of other proportions are shrunk, see `shrink_photos`. The first call is a counted look, as at a
    test set. Raises UsageError for classes that the run does not know.
    """
    classifier = as_for_test_set(run, load(run, model=model, runtime=runtime))
    photos = find_photos(folder)
    sets = {way: shrink(photos, classifier, way, squeeze) for way in WAYS}
    target = predictions_folder(run, sets["as they are"])
    files = {way: target / f"{file_name(way)}.npz" for way in WAYS}
    if not all(path.is_file() for path in files.values()):
        run.count_look(SplitName.TEST.of(photos.name), by="photographs")
        for way, images in sets.items():
            classifier.predictions(images, f"{photos.name}, {way}").save(files[way])
    return {way: Predictions.load(path) for way, path in files.items()}


def shrink(photos: PhotoFiles, classifier: Classifier, way: str, squeeze: bool = False) -> ImageSet:
    """The photos as images of the run's size, changed in one of WAYS. squeeze: see `shrink_photos`."""
    change, antialias = WAYS[way]
    return shrink_photos(photos, classifier.preprocess, classifier.class_names, change, antialias, squeeze)


def predictions_folder(run: Run, images: ImageSet) -> Path:
    """The folder of predictions for photos, named by their content."""
    return run.folder / "predictions" / f"photographs-{images.source}-{images.fingerprint[:8]}"


def file_name(name: str) -> str:
    """A name as part of a file's."""
    return name.replace(" ", "-").replace("'", "").replace(",", "")
