"""The domain shift between a run's training images and your own photos.

predictions/shift-<name>-<hash>/ has the predictions, shift-<name>-<hash>.json the results and
figures/shift-<name>-<hash>.png the figure.
"""

from dataclasses import replace
from pathlib import Path
from statistics import median

from torch import nn

from assay.core.progress import ProgressCallback, silent
from assay.core.runtime import Runtime
from assay.data.imageset import ImageSet
from assay.data.photo_files import PhotoFiles, find_photos
from assay.data.split import Split
from assay.evaluation.domain_shift import ORIGINAL, DomainShift, measure_domain_shift
from assay.evaluation.overlap import measure_overlap
from assay.experiments.image_uses import find_photo_uses
from assay.experiments.load import load
from assay.experiments.photo_evaluation import WAYS, file_name, predictions_folder, shrink
from assay.experiments.run import Run, SplitName
from assay.experiments.run_data import read_images
from assay.experiments.scoring import as_for_test_set
from assay.report.plots.domain_shift import domain_shift_panels
from assay.report.plots.style import save


def measure_shift(
    run: Run, folder: Path, *, antialias: bool = True, squeeze: bool = False, images: ImageSet | None = None,
    model: nn.Module | None = None, runtime: Runtime | None = None, progress: ProgressCallback = silent,
) -> tuple[DomainShift, Path]:  # fmt: skip
    """How the photos in `folder/<class>/` differ from the training images; and the path of the figure. A counted look.

    antialias, squeeze: see `shrink_photos`. images: your own, if the run was trained on them.
    progress: of reading the training images.
    """
    classifier = as_for_test_set(run, load(run, model=model, runtime=runtime))
    photos = find_photos(folder)
    plain, blurry = (
        shrink(photos, classifier, way, squeeze) for way, (_, smooth) in WAYS.items() if smooth == antialias
    )
    images = read_images(run, progress) if images is None else images
    run.check_images(images)
    split = Split.load(run.folder / "split.npz")
    training = images.subset(split.train)
    run.count_look(SplitName.TEST.of(photos.name), by="shift")
    result, predictions, values = measure_domain_shift(classifier, plain, blurry, training, _sizes(photos, training))
    uses = find_photo_uses(plain, images, split)
    result = replace(result, overlap=measure_overlap(predictions[ORIGINAL], uses))
    label = run.free_label(f"shift-{predictions_folder(run, plain).name.partition('-')[2]}")
    for name, set_predictions in predictions.items():
        set_predictions.save(run.folder / "predictions" / label / f"{file_name(name)}.npz")
    run.write_json(f"{label}.json", {**result.to_dict(), "antialias": antialias, "squeeze": squeeze})
    picture = run.folder / "figures" / f"{label}.png"
    save(domain_shift_panels(result, values, run.name), picture)
    return result, picture


def _sizes(photos: PhotoFiles, training: ImageSet) -> tuple[str, str]:
    """Width by height of the photos (median and range) and of the training images."""
    widths, heights = zip(*(image.size for image in photos), strict=True)
    middle = f"{round(median(widths))} x {round(median(heights))} px in the median"
    text = f"{middle}, from {min(widths)} x {min(heights)} to {max(widths)} x {max(heights)}"
    return text, f"{training.shape[2]} x {training.shape[1]} px"
