"""A run's second figures on CIFAR-10's test set, from its stored predictions."""

from assay.core.folders import data_root
from assay.evaluation.cifar10_truths import Cifar10Truths, has_cifar10_classes, measure_cifar10_truths
from assay.evaluation.predictions import Predictions
from assay.experiments.run import Run

Truths = Cifar10Truths


def read_truths(run: Run, label: str) -> Truths | None:
    """For an entry of results.json; None if it is for other images. Raises DataError for a damaged file."""
    entry, path = run.results[label], run.folder / "predictions" / f"{label}.npz"
    class_names = [row["name"] for row in entry.get("per_class", ())]
    if not has_cifar10_classes(class_names, entry.get("n", 0)) or not path.is_file():
        return None
    return measure_cifar10_truths(Predictions.load(path), data_root())
