"""Cross-validation: the photos of a folder are scored once each, by a net trained on the other folds."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np

from assay.core.errors import UsageError
from assay.core.files import write_json
from assay.core.runtime import Runtime
from assay.data.folds import FOLDS
from assay.data.load import LoadedData
from assay.data.split import Split
from assay.data.split_checks import check_test_images, describe_folds
from assay.evaluation.metrics import compute_metrics
from assay.evaluation.predictions import Predictions
from assay.experiments.run import Run, folder_name
from assay.experiments.stored_size import complete_data
from assay.experiments.train import resume, train
from assay.recipes.recipe import Recipe
from assay.report.plots.run import save_prediction_figures
from assay.training.callbacks import Callback, Progress

FOLDS_BELOW = 2000  # photos; with fewer, a test set of a fifth of them is too small


class FoldsProgress(Protocol):
    """Observes the training of all folds."""

    def on_message(self, text: str) -> None:
        """A line for the user."""

    def update(self, share: float, text: str, seconds_left: float | None, /) -> None:
        """share: of all the work, from 0 to 1."""

    def close(self) -> None:
        """After the last fold, or an error."""


class SilentFolds:
    """Ignores progress."""

    def on_message(self, text: str) -> None:
        """Ignore a message."""

    def update(self, share: float, text: str, seconds_left: float | None, /) -> None:
        """Ignore progress."""

    def close(self) -> None:
        """Do nothing."""


@dataclass(frozen=True)
class Folds:
    """A run for each fold, their predictions for the test images together, and the folder of the results.

    photos: how many there are; those of classes that cannot be tested have no prediction.
    """

    runs: tuple[Run, ...]
    predictions: Predictions
    folder: Path
    photos: int


def has_folds(photos: LoadedData) -> bool:
    """Whether the test images of a folder are to be chosen here."""
    return photos.folder is not None and not len(photos.folder.rows("test"))


def cross_validate(
    recipe: Recipe, photos: LoadedData, *, runs: Path | None = None, runtime: Runtime | None = None,
    mlflow: bool = True, progress: FoldsProgress | None = None,
) -> Folds:  # fmt: skip
    """Train and evaluate the recipe once for each fold, or resume that. Near-duplicates are in the same fold.

    Writes predictions.npz, results.json and figures to `<experiment>/<name>-<hash>-folds/` beside the runs. Raises
    UsageError if the test part is given, or the images are not a folder; DataError for a fold without test images.
    """
    if not has_folds(photos):
        raise UsageError(f"{recipe.data.name}: its test images are given, so there are no folds to choose them by")
    progress, recipe = progress or SilentFolds(), complete_data(recipe)
    fold_recipes = [recipe.override({"data.fold": number}) for number in range(FOLDS)]
    folds = [_split_fold(photos, fold_recipe) for fold_recipe in fold_recipes]
    for line in describe_folds(photos, [fold.test for fold in folds]):
        progress.on_message(line)
    fold_runs: list[Run] = []
    try:
        for number, (fold_recipe, fold) in enumerate(zip(fold_recipes, folds, strict=True), 1):
            run = _run_fold(fold_recipe, fold, photos, runs, runtime, mlflow, progress)
            fold_runs.append(run)
            test = run.results["test"]
            progress.on_message(
                f"fold {number} of {FOLDS}: {test['accuracy']:.2%} (n = {test['n']:,}), {run.folder}"
            )  # fmt: skip
    finally:
        progress.close()
    predictions = _join_predictions(recipe, fold_runs)
    folder = fold_runs[0].folder.parent / f"{folder_name(fold_recipes[0])}-folds"
    predictions.save(folder / "predictions.npz")
    write_json(
        folder / "results.json", {"runs": [run.name for run in fold_runs], **compute_metrics(predictions).to_dict()}
    )
    save_prediction_figures(folder, {"folds": predictions})
    return Folds(tuple(fold_runs), predictions, folder, len(photos.images))


def _split_fold(photos: LoadedData, recipe: Recipe) -> Split:
    """The split of a fold. Raises DataError if it has no test image."""
    assert photos.folder is not None
    split = photos.folder.split(recipe.data)
    check_test_images(replace(photos, split=split), recipe.data)
    return split


def _run_fold(
    recipe: Recipe, fold: Split, photos: LoadedData, runs: Path | None, runtime: Runtime | None, mlflow: bool,
    progress: FoldsProgress,
) -> Run:  # fmt: skip
    """The run of a fold: an existing one with exactly these images, resumed if need be, or a new one."""
    callback = _FoldCallback(recipe.data.fold, progress)
    for run in Run.all_of(recipe, runs):
        is_same_data = run.read_json("config.json").get("data_fingerprint") == photos.images.fingerprint
        if is_same_data and np.array_equal(Split.load(run.folder / "split.npz").test, fold.test):
            return run if run.is_finished else resume(run, runtime=runtime, callback=callback, mlflow=mlflow)
    return train(recipe, runs=runs, runtime=runtime, callback=callback, mlflow=mlflow)


def _join_predictions(recipe: Recipe, runs: list[Run]) -> Predictions:
    parts = [Predictions.load(run.folder / "predictions" / "test.npz") for run in runs]
    logits, labels, indices = (
        np.concatenate([getattr(part, key) for part in parts]) for key in ("logits", "labels", "indices")
    )
    return Predictions(logits, labels, indices, parts[0].class_names, f"{recipe.data.display_name}/{FOLDS} folds")


class _FoldCallback(Callback):
    """One bar for all folds, and the messages of the first fold alone."""

    def __init__(self, fold: int, progress: FoldsProgress) -> None:
        self.fold, self.progress = fold, progress

    def on_step(self, progress: Progress) -> None:
        """Move the bar."""
        share = (progress.epoch - 1 + progress.images / progress.epoch_images) / progress.epochs
        self.progress.update((self.fold + share) / FOLDS, f"fold {self.fold + 1} of {FOLDS}", None)

    def on_message(self, text: str) -> None:
        """Pass on what concerns all folds once."""
        if self.fold == 0:
            self.progress.on_message(text)
