"""Scoring a run on a set of images, or on corrupted copies: count the look, store Predictions, write the results."""

import time
from dataclasses import replace
from typing import Any

from assay.evaluation.classifier import Classifier
from assay.evaluation.metrics import compute_metrics
from assay.evaluation.overlap import ImageUses, measure_overlap
from assay.evaluation.predictions import Predictions
from assay.evaluation.robustness import Robustness, measure_robustness
from assay.experiments.fault_injection import Faults
from assay.experiments.image_uses import find_uses
from assay.experiments.run import Run, is_test_set
from assay.experiments.run_data import Selection
from assay.training.checkpoint import weights_hash


def score(run: Run, classifier: Classifier, images: Selection, *, by: str) -> tuple[Predictions, dict[str, Any]]:
    """Predictions for a set of images, and their entry of results.json.

    A look at a test set is recorded before the images are read. Where the recipe asks for test-time augmentation, the
    same look gives a second entry.
    """
    is_test = is_test_set(images.name)
    facts: dict[str, Any] = {"weights": weights_hash(classifier.net.state_dict())}
    if is_test:
        classifier = as_for_test_set(run, classifier)
        facts = {"look": run.count_look(images.name, by), **facts}
    start = time.perf_counter()
    image_set, indices = images.read(), images.indices
    predictions = classifier.predictions(image_set, images.name, indices)
    uses = find_uses(run, images, image_set)
    label = run.free_label(_label(run, images.name))
    entries = {label: _store(run, label, predictions, uses, facts, start)}
    views = run.recipe.test_views
    if is_test and views > 1:
        start = time.perf_counter()
        with_views = classifier.predictions(image_set, f"{images.name}, {views} views", indices, views)
        views_label = f"{label}-{views}-views"
        entries[views_label] = _store(run, views_label, with_views, uses, facts, start)
    run.write_json("results.json", {**run.results, **entries})  # last: an entry means that its look is complete
    return predictions, entries[label]


def scored_before(run: Run, name: str, weights: str) -> Predictions | None:
    """The Predictions of these weights (`weights_hash`) for a set, from before the run was killed: no second look."""
    label = _label(run, name)
    path = run.folder / "predictions" / f"{label}.npz"
    if run.results.get(label, {}).get("weights") != weights or not path.is_file():  # a dead node may keep the file
        return None
    return Predictions.load(path)


def score_corrupted(run: Run, classifier: Classifier, images: Selection, *, by: str) -> tuple[Robustness, str]:
    """Score corrupted copies of a test set: a single look. Returns the results and the label of their files.

    predictions/<label>/ has the predictions of each copy, <label>.json the metrics.
    """
    classifier = as_for_test_set(run, classifier)
    run.count_look(images.name, by)
    label = run.free_label(f"corrupted-{_label(run, images.name)}")
    folder, image_set = run.folder / "predictions" / label, images.read()

    def store(name: str, predictions: Predictions) -> None:
        predictions.save(folder / f"{name}.npz")

    result = measure_robustness(classifier, image_set, images.name, store)
    uses = find_uses(run, images, image_set)
    if uses is not None:
        result = replace(result, overlap=measure_overlap(Predictions.load(folder / "clean.npz"), uses))
    run.write_json(f"{label}.json", result.to_dict())  # last: it means that the predictions are complete
    return result, label


def as_for_test_set(run: Run, classifier: Classifier) -> Classifier:
    """The classifier with the Preprocess of test images, which a fault may change."""
    return replace(classifier, preprocess=Faults(run.recipe).test_preprocess(classifier.preprocess))


def _store(
    run: Run, label: str, predictions: Predictions, uses: ImageUses | None, facts: dict[str, Any], start: float
) -> dict[str, Any]:
    """Store predictions. Returns their entry of results.json."""
    predictions.save(run.folder / "predictions" / f"{label}.npz")
    metrics = compute_metrics(predictions)
    if uses is not None:
        metrics = replace(metrics, overlap=measure_overlap(predictions, uses))
    return {**metrics.to_dict(), **facts, "seconds": time.perf_counter() - start}


def _label(run: Run, name: str) -> str:
    """The short name of a set within its run: `test`, `validation`, or `mnist-test` for another data set's."""
    data, _, split = name.rpartition("/")
    return split if data == run.recipe.data.display_name else f"{data.strip('/').replace('/', '-')}-{split}"
