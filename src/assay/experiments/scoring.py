"""Judging a run on a set of images, or on corrupted copies: the look counted, Predictions stored, results written."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.data.imageset import ImageSet
from assay.evaluation.classifier import Classifier
from assay.evaluation.metrics import metrics
from assay.evaluation.predictions import Predictions
from assay.evaluation.robustness import Robustness, robustness
from assay.experiments import fault_injection as faults
from assay.experiments.run import Run, weights_hash
from assay.report.plots.robustness import figure
from assay.report.plots.run import save


def score(
    run: Run,
    classifier: Classifier,
    data: str,
    read: Callable[[], ImageSet],
    *,
    by: str,
    indices: NDArray[np.int64] | None = None,
) -> tuple[Predictions, dict[str, Any]]:
    """Predictions and the entry of results.json for the images that `read` gives.

    `data` is a set's full name, "cifar10/test". A look at a test set is written down before the images are read. Where
    the recipe asks for test-time augmentation of a test set, that is a further entry, from the same look.
    """
    is_test = data.endswith("/test")
    if is_test:
        classifier = replace(classifier, preprocess=faults.test_preprocess(run.recipe, classifier.preprocess))
    weights = weights_hash(classifier.net.state_dict())
    extra = {"look": run.count_look(data, by)} if is_test else {}
    started = time.perf_counter()
    images = read()
    predictions = classifier.predictions(images, data, indices)
    label = run.free_label(_label(run, data))
    entries = {label: _stored(run, label, predictions, {**extra, "weights": weights}, started)}
    if is_test and (views := run.recipe.test_views) > 1:
        started = time.perf_counter()
        augmented = classifier.predictions(images, f"{data}, {views} views", indices, views)
        further = f"{label}-{views}-views"
        entries[further] = _stored(run, further, augmented, {**extra, "weights": weights}, started)
    run.write_json("results.json", {**run.results, **entries})  # last: an entry says that all of its look is there
    return predictions, entries[label]


def scored_before(run: Run, data: str, weights: str) -> Predictions | None:
    """What these very weights (`weights_hash`) said of the set already, before the run was killed: no second look."""
    label = _label(run, data)
    path = run.folder / "predictions" / f"{label}.npz"
    if run.results.get(label, {}).get("weights") != weights or not path.is_file():  # a dead node may keep the file
        return None
    return Predictions.load(path)


def score_corrupted(
    run: Run, classifier: Classifier, data: str, read: Callable[[], ImageSet], *, by: str
) -> tuple[Robustness, str]:
    """How the run stands corrupted copies of a test set: one look, for all of them. Returns that and the files' label.

    predictions/<label>/ has the predictions of each, <label>.json the figures, figures/<label>.png the picture.
    """
    classifier = replace(classifier, preprocess=faults.test_preprocess(run.recipe, classifier.preprocess))
    run.count_look(data, by)
    label = run.free_label(f"corrupted-{_label(run, data)}")
    folder = run.folder / "predictions" / label
    found = robustness(classifier, read(), data, lambda name, one: one.save(folder / f"{name}.npz"))
    save(figure(found, run.name), run.folder / "figures" / f"{label}.png")
    run.write_json(f"{label}.json", found.to_dict())  # last: it says that all the rest is there
    return found, label


def _stored(run: Run, label: str, predictions: Predictions, extra: dict[str, Any], started: float) -> dict[str, Any]:
    """Store the predictions; returns their entry of results.json."""
    predictions.save(run.folder / "predictions" / f"{label}.npz")
    return {**metrics(predictions).to_dict(), **extra, "seconds": time.perf_counter() - started}


def _label(run: Run, data: str) -> str:
    """The short name of a set within its run: `test`, `validation`, or `mnist-test` for another data set's."""
    name, _, part = data.rpartition("/")
    return part if name == run.recipe.data.display_name else f"{name.strip('/').replace('/', '-')}-{part}"
