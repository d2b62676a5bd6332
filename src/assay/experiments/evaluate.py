"""`evaluate` and `evaluate_corrupted`: further looks at a finished run."""

from pathlib import Path
from typing import Any

from torch import nn

from assay.core.errors import UsageError
from assay.core.progress import ProgressCallback, silent
from assay.core.runtime import Runtime
from assay.data.imageset import ImageSet
from assay.evaluation.robustness import Robustness
from assay.experiments.load import find_run, load
from assay.experiments.run import Run, SplitName
from assay.experiments.run_data import select_test_images, select_validation_images
from assay.experiments.scoring import score, score_corrupted
from assay.report.plots.robustness import robustness_heatmap
from assay.report.plots.style import save


def evaluate(
    run: Run | str | Path,
    data: str = SplitName.TEST,
    *,
    images: ImageSet | None = None,
    model: nn.Module | None = None,
    runtime: Runtime | None = None,
    progress: ProgressCallback = silent,
) -> dict[str, Any]:
    """Metrics of a run on its `test` or `validation` images, or on other data. Looks at a test set are counted.

    data: a named data set (its test set), or a folder or table of photos: its test part, or all of them if it has none.
    Classes are matched by name. images: your own; for `validation`, all images that were split for the training.
    progress: of reading a folder. Returns the new entry of results.json. Raises AssayError.
    """
    run = find_run(run)
    classifier = load(run, model=model, runtime=runtime)
    if images is not None:
        images.check_fits(classifier.preprocess.source_shape, classifier.class_names)  # before a look is counted
    if data == SplitName.VALIDATION:
        selection = select_validation_images(run, images, progress)
    else:
        selection = select_test_images(run, data, images, classifier.preprocess.source_shape, progress)
    return score(run, classifier, selection, by="evaluate")[1]


def evaluate_corrupted(
    run: Run | str | Path,
    data: str = SplitName.TEST,
    *,
    images: ImageSet | None = None,
    model: nn.Module | None = None,
    runtime: Runtime | None = None,
    progress: ProgressCallback = silent,
) -> tuple[Robustness, str]:
    """Accuracy on corrupted copies of a test set, the run's own or another: a single look. Raises AssayError.

    Returns the results and the name of their files in the run's folder: see `score_corrupted`. The figure is
    figures/<name>.png.
    """
    run = find_run(run)
    if data == SplitName.VALIDATION:
        raise UsageError("corruptions are for test sets; choose by validation images as they are")
    classifier = load(run, model=model, runtime=runtime)
    if images is not None:
        images.check_fits(classifier.preprocess.source_shape, classifier.class_names)
    selection = select_test_images(run, data, images, classifier.preprocess.source_shape, progress)
    robustness, label = score_corrupted(run, classifier, selection, by="evaluate --corruptions")
    save(robustness_heatmap(robustness, run.name), run.folder / "figures" / f"{label}.png")
    return robustness, label
