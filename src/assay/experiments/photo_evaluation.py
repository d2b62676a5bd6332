"""A run on your own photos: scored as they are and blurred, and the domain shift to them.

predictions/photographs-<name>-<hash>/ has the predictions of the scores, predictions/shift-<name>-<hash>/ those of the
shift; shift-<name>-<hash>.json has its results, figures/shift-<name>-<hash>.png its figure.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Self

import numpy as np
from torch import nn

from assay.core.numbers import Interval
from assay.core.runtime import Runtime
from assay.data.imageset import ImageSet
from assay.data.photo_files import PhotoFiles, find_photos, shrink_photos
from assay.data.split import Split
from assay.evaluation.classifier import Classifier
from assay.evaluation.domain_shift import DomainShift, measure_domain_shift
from assay.evaluation.predictions import Predictions
from assay.evaluation.statistics import image_interval, wilson_interval
from assay.experiments.load import load
from assay.experiments.paper_blur import paper_blur
from assay.experiments.run import Run
from assay.experiments.run_data import read_images
from assay.experiments.run_state import SplitName
from assay.experiments.scoring import as_for_test_set
from assay.report.plots.domain_shift import domain_shift_panels
from assay.report.plots.style import save

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

    interval: 95 %; Wilson's for one run, else by bootstrap over images.
    """

    mean: float
    interval: Interval
    n: int

    @classmethod
    def over(cls, replicates: Sequence[Predictions]) -> Self:
        """The accuracy of one run or of replicates."""
        hits = np.mean([run.predicted == run.labels for run in replicates], axis=0)
        interval = image_interval(hits) if len(replicates) > 1 else wilson_interval(int(hits.sum()), len(hits))
        return cls(float(hits.mean()), interval, len(hits))


def score_photographs(
    run: Run, folder: Path, *, model: nn.Module | None = None, runtime: Runtime | None = None
) -> dict[str, Predictions]:
    """Predictions for the photos in `folder/<class>/`, changed in each of WAYS. They are stored by the photos' content.

    The first call is a counted look, as at a test set. Raises UsageError for classes that the run does not know.
    """
    classifier = as_for_test_set(run, load(run, model=model, runtime=runtime))
    photos = find_photos(folder)
    sets = {way: _shrink(photos, classifier, way) for way in WAYS}
    target = _folder(run, sets["as they are"])
    files = {way: target / f"{_file_name(way)}.npz" for way in WAYS}
    if not all(path.is_file() for path in files.values()):
        run.count_look(SplitName.TEST.of(photos.name), by="photographs")
        for way, images in sets.items():
            classifier.predictions(images, f"{photos.name}, {way}").save(files[way])
    return {way: Predictions.load(path) for way, path in files.items()}


def measure_shift(
    run: Run, folder: Path, *, antialias: bool = True, images: ImageSet | None = None, model: nn.Module | None = None,
    runtime: Runtime | None = None,
) -> tuple[DomainShift, Path]:  # fmt: skip
    """How the photos in `folder/<class>/` differ from the training images; and the path of the figure. A counted look.

    antialias: how the photos are shrunk, see `shrink_photos`. images: your own, if the run was trained on such.
    """
    classifier = as_for_test_set(run, load(run, model=model, runtime=runtime))
    photos = find_photos(folder)
    plain, blurry = (_shrink(photos, classifier, way) for way, (_, smooth) in WAYS.items() if smooth == antialias)
    images = read_images(run) if images is None else images
    run.check_images(images)
    training = images.subset(Split.load(run.folder / "split.npz").train)
    run.count_look(SplitName.TEST.of(photos.name), by="shift")
    result, predictions, values = measure_domain_shift(classifier, plain, blurry, training, _sizes(photos, training))
    label = run.free_label(f"shift-{_folder(run, plain).name.partition('-')[2]}")
    for name, set_predictions in predictions.items():
        set_predictions.save(run.folder / "predictions" / label / f"{_file_name(name)}.npz")
    run.write_json(f"{label}.json", {**result.to_dict(), "antialias": antialias})
    picture = run.folder / "figures" / f"{label}.png"
    save(domain_shift_panels(result, values, run.name), picture)
    return result, picture


def _shrink(photos: PhotoFiles, classifier: Classifier, way: str) -> ImageSet:
    change, antialias = WAYS[way]
    return shrink_photos(photos, classifier.preprocess, classifier.class_names, change, antialias)


def _folder(run: Run, images: ImageSet) -> Path:
    return run.folder / "predictions" / f"photographs-{images.source}-{images.fingerprint[:8]}"


def _file_name(name: str) -> str:
    return name.replace(" ", "-").replace("'", "").replace(",", "")


def _sizes(photos: PhotoFiles, training: ImageSet) -> tuple[str, str]:
    """Width by height of the photos (median and range) and of the training images."""
    widths, heights = zip(*(image.size for image in photos), strict=True)
    middle = f"{round(median(widths))} x {round(median(heights))} px in the median"
    text = f"{middle}, from {min(widths)} x {min(heights)} to {max(widths)} x {max(heights)}"
    return text, f"{training.shape[2]} x {training.shape[1]} px"
