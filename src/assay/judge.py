"""Judging a run on a set of images: the look counted, Predictions stored, results written."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.data.imageset import ImageSet
from assay.evaluation.classifier import Classifier
from assay.evaluation.metrics import metrics
from assay.evaluation.predictions import Predictions
from assay.run import Run


def judge(
    run: Run,
    classifier: Classifier,
    data: str,
    read: Callable[[], ImageSet],
    *,
    by: str,
    indices: NDArray[np.int64] | None = None,
) -> tuple[Predictions, dict[str, Any]]:
    """Predictions and the entry of results.json for the images that `read` gives.

    `data` is a set's full name, "cifar10/test". A look at a test set is written down before the images are read.
    """
    is_test = data.endswith("/test")
    look = run.count_look(data, by) if is_test else None
    started = time.perf_counter()
    predictions = classifier.predictions(read(), data, indices)
    entry = {**metrics(predictions).to_dict(), "data": data, "seconds": time.perf_counter() - started}
    if look is not None:
        entry["look"] = look
    label = _free_label(run, _label(run, data))
    predictions.save(run.folder / "predictions" / f"{label}.npz")
    run.write_json("results.json", {**run.results, label: entry})
    return predictions, entry


def _label(run: Run, data: str) -> str:
    """The short name of a set within its run: `test`, `validation`, or `mnist-test` for another data set's."""
    name, _, part = data.rpartition("/")
    return part if name == run.recipe.data.name else f"{name.replace('/', '-')}-{part}"


def _free_label(run: Run, label: str) -> str:
    """The label, or with the first free number behind it: earlier predictions are never overwritten."""
    number = 1
    while (run.folder / "predictions" / f"{label if number == 1 else f'{label}-{number}'}.npz").exists():
        number += 1
    return label if number == 1 else f"{label}-{number}"
