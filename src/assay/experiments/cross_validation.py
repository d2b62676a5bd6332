"""Cross-validation: every photograph of a folder judged once, by a net that was trained on the other folds."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from assay.core.errors import UsageError
from assay.core.files import write_json
from assay.core.runtime import Runtime
from assay.data.load import LoadedData
from assay.data.location import with_absolute_paths
from assay.data.split import FOLDS
from assay.evaluation.metrics import metrics
from assay.evaluation.predictions import Predictions
from assay.experiments.run import Run, stem
from assay.experiments.train import resume, train
from assay.recipes.recipe import Recipe
from assay.report.plots.run_figures import draw_judged
from assay.report.terminal import RunsProgress
from assay.training.callbacks import Callback, Progress

FEW = 2000  # photographs below which one test set of a fifth of them says too little


@dataclass(frozen=True)
class Folds:
    """A run for each fold, what they said of their test images together, and the folder that keeps it."""

    runs: tuple[Run, ...]
    predictions: Predictions
    folder: Path


def has_folds(photographs: LoadedData) -> bool:
    """Whether a folder leaves it to us which of its images test."""
    return photographs.folder is not None and not len(photographs.folder.rows("test"))


def cross_validate(
    recipe: Recipe, photographs: LoadedData, *, runs: Path | None = None, runtime: Runtime | None = None,
    mlflow: bool = True, progress: RunsProgress | None = None,
) -> Folds:  # fmt: skip
    """Train and judge the recipe once for each fold, or go on with that. Near-duplicates are in one fold.

    Writes predictions.npz, results.json and pictures to `<experiment>/<name>-<hash>-folds/` beside the runs. Raises
    UsageError for images whose test part is given, or that are no folder.
    """
    if not has_folds(photographs):
        raise UsageError(f"{recipe.data.name}: its test images are given, so there are no folds to choose them by")
    progress, recipe, found = progress or RunsProgress(), with_absolute_paths(recipe), list[Run]()
    try:
        for number in range(FOLDS):
            found.append(_fold(recipe.override({"data.fold": number}), photographs, runs, runtime, mlflow, progress))
            one = found[-1].results["test"]
            progress.on_message(
                f"fold {number + 1} of {FOLDS}: {one['accuracy']:.2%} (n = {one['n']:,}), {found[-1].folder}"
            )
    finally:
        progress.close()
    together = _together(recipe, found)
    folder = found[0].folder.parent / f"{stem(recipe.override({'data.fold': 0}))}-folds"
    together.save(folder / "predictions.npz")
    write_json(folder / "results.json", {"runs": [run.name for run in found], **metrics(together).to_dict()})
    draw_judged(folder, {"folds": together})
    return Folds(tuple(found), together, folder)


def _fold(
    recipe: Recipe, photographs: LoadedData, runs: Path | None, runtime: Runtime | None, mlflow: bool,
    progress: RunsProgress,
) -> Run:  # fmt: skip
    """The run of a fold: the one that is there with these very images, gone on with if need be, or a new one."""
    callback = _Watch(recipe.data.fold, progress)
    for run in Run.all_of(recipe, runs):
        if run.read_json("config.json").get("data_fingerprint") != photographs.images.fingerprint:
            continue
        finished = run.status.get("state") == "finished"
        return run if finished else resume(run, runtime=runtime, callback=callback, mlflow=mlflow)
    return train(recipe, runs=runs, runtime=runtime, callback=callback, mlflow=mlflow)


def _together(recipe: Recipe, found: list[Run]) -> Predictions:
    parts = [Predictions.load(run.folder / "predictions" / "test.npz") for run in found]
    logits, labels, indices = (
        np.concatenate([getattr(p, key) for p in parts]) for key in ("logits", "labels", "indices")
    )
    return Predictions(logits, labels, indices, parts[0].class_names, f"{recipe.data.display_name}/{FOLDS} folds")


class _Watch(Callback):
    """One bar for all folds; of what a run says only the first fold's."""

    def __init__(self, fold: int, progress: RunsProgress) -> None:
        self.fold, self.progress = fold, progress

    def on_step(self, progress: Progress) -> None:
        """Move the bar."""
        share = (progress.epoch - 1 + progress.images / progress.epoch_images) / progress.epochs
        self.progress.update((self.fold + share) / FOLDS, f"fold {self.fold + 1} of {FOLDS}", None)

    def on_message(self, text: str) -> None:
        """Say what concerns all folds once."""
        if self.fold == 0:
            self.progress.on_message(text)
