"""A run on one's own photographs: scored as they are and blurred, and the domain shift panel. Files of both are here.

predictions/photographs-<name>-<hash>/ has the scores' predictions, predictions/shift-<name>-<hash>/ the panel's;
shift-<name>-<hash>.json is what it found, figures/shift-<name>-<hash>.png its picture.
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
from assay.evaluation.domain_shift import Shift, shift
from assay.evaluation.predictions import Predictions
from assay.evaluation.statistics import image_interval, wilson_interval
from assay.experiments.load import load
from assay.experiments.paper_blur import paper_blur
from assay.experiments.run import Run
from assay.experiments.run_data import read_images
from assay.experiments.scoring import as_for_test_set
from assay.report.plots.domain_shift import figure
from assay.report.plots.run import save

# How a photograph is changed, and whether it is then shrunk with antialias.
WAYS = {
    "as they are": (lambda image: image, True),
    "report's blur": (paper_blur, True),
    "nearest pixel": (lambda image: image, False),
    "report's blur, nearest pixel": (paper_blur, False),
}


@dataclass(frozen=True)
class Accuracy:
    """The mean over runs of the accuracy on the same n images; interval: 95 %, Wilson's, or a bootstrap over images."""

    mean: float
    interval: Interval
    n: int

    @classmethod
    def over(cls, found: Sequence[Predictions]) -> Self:
        """Of one run or of replicates."""
        hits = np.mean([one.predicted == one.labels for one in found], axis=0)
        interval = image_interval(hits) if len(found) > 1 else wilson_interval(int(hits.sum()), len(hits))
        return cls(float(hits.mean()), interval, len(hits))


def score_photographs(
    run: Run, folder: Path, *, model: nn.Module | None = None, runtime: Runtime | None = None
) -> dict[str, Predictions]:
    """Judge a run on the photographs in `folder/<class>/` in each of WAYS; predictions are kept, by their content.

    A counted look at them the first time, as at a test set. Raises UsageError for classes that the run does not know.
    """
    classifier = as_for_test_set(run, load(run, model=model, runtime=runtime))
    found = find_photos(folder)
    sets = {way: _shrunk(found, classifier, way) for way in WAYS}
    where = _folder(run, sets["as they are"])
    if not all((where / f"{_file(way)}.npz").is_file() for way in WAYS):
        run.count_look(f"{found.name}/test", by="photographs")
        for way, images in sets.items():
            classifier.predictions(images, f"{found.name}, {way}").save(where / f"{_file(way)}.npz")
    return {way: Predictions.load(where / f"{_file(way)}.npz") for way in WAYS}


def shift_of(
    run: Run, folder: Path, *, antialias: bool = True, images: ImageSet | None = None, model: nn.Module | None = None,
    runtime: Runtime | None = None,
) -> tuple[Shift, Path]:  # fmt: skip
    """How the photographs in `folder/<class>/` differ from what the run was trained on; and the picture's path.

    antialias: how they are shrunk, as of `shrink_photos`. images: one's own, that the run was trained on. A
    counted look.
    """
    classifier = as_for_test_set(run, load(run, model=model, runtime=runtime))
    found = find_photos(folder)
    plain, blurred = (_shrunk(found, classifier, way) for way, (_, smooth) in WAYS.items() if smooth == antialias)
    images = read_images(run) if images is None else images
    run.check_images(images)
    training = images.subset(Split.load(run.folder / "split.npz").train)
    run.count_look(f"{found.name}/test", by="shift")
    result, predictions, values = shift(classifier, plain, blurred, training, _sizes(found, training))
    label = run.free_label(f"shift-{_folder(run, plain).name.partition('-')[2]}")
    for name, one in predictions.items():
        one.save(run.folder / "predictions" / label / f"{_file(name)}.npz")
    run.write_json(f"{label}.json", {**result.to_dict(), "antialias": antialias})
    picture = run.folder / "figures" / f"{label}.png"
    save(figure(result, values, run.name), picture)
    return result, picture


def _shrunk(found: PhotoFiles, classifier: Classifier, way: str) -> ImageSet:
    change, antialias = WAYS[way]
    return shrink_photos(found, classifier.preprocess, classifier.class_names, change, antialias)


def _folder(run: Run, images: ImageSet) -> Path:
    return run.folder / "predictions" / f"photographs-{images.source}-{images.fingerprint[:8]}"


def _file(name: str) -> str:
    return name.replace(" ", "-").replace("'", "").replace(",", "")


def _sizes(found: PhotoFiles, training: ImageSet) -> tuple[str, str]:
    """Width by height, of photographs the least, the median and the greatest of each."""
    sizes = [image.size for image in found]
    (least, middle, most) = (
        tuple(round(pick(side)) for side in zip(*sizes, strict=True)) for pick in (min, median, max)
    )
    text = f"{middle[0]} x {middle[1]} px in the median, from {least[0]} x {least[1]} to {most[0]} x {most[1]}"
    return text, f"{training.shape[2]} x {training.shape[1]} px"
