"""What of a run goes to MLflow: parameters at the start, metrics after every epoch, the folder at the end."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from assay.core.errors import Interrupted
from assay.experiments.run import Run
from assay.experiments.tracking.mlflow_client import Mirror, Status
from assay.experiments.tracking.study_parent import parent_of
from assay.recipes.keys import flatten
from assay.training.callbacks import Callback, Progress
from assay.training.history import Epoch


@contextmanager
def mirror_run(run: Run, callback: Callback, *, enabled: bool = True) -> Iterator[Callback]:
    """A callback that also mirrors the run to MLflow; the same callback if MLflow is not installed or not enabled."""
    folder, mirror = run.folder, None
    if enabled:
        mirror = Mirror.open(folder.parent.name, folder.name, folder.parent.parent, callback.on_message)
    if mirror is None:
        yield callback
        return
    mirror.params(flatten(run.recipe.model_dump(mode="json")))
    has_parent = _tag_parent(run, mirror)
    mirror.tags(_tags(run))
    status: Status = "FAILED"
    try:
        yield _MirrorCallback(callback, mirror)
        status = "FINISHED"
    except (Interrupted, KeyboardInterrupt):
        status = "KILLED"
        raise
    finally:
        if not has_parent:  # a slow store may have named it by now
            _tag_parent(run, mirror)
        _mirror_results(run, mirror)
        mirror.close(status)
        if mirror.complete and not os.environ.get("MLFLOW_TRACKING_URI"):
            database = folder.parent.parent / "mlflow.db"
            callback.on_message(f"in MLflow too: mlflow ui --backend-store-uri sqlite:///{database}")


def _tag_parent(run: Run, mirror: Mirror) -> bool:
    """Put the run under its study's run, if that is known. Returns whether it is."""
    parent = parent_of(run.folder.parent)
    if parent:
        mirror.tags({"mlflow.parentRunId": parent})
    return bool(parent)


class _MirrorCallback(Callback):
    """Passes everything on, and each epoch to MLflow too."""

    def __init__(self, callback: Callback, mirror: Mirror) -> None:
        self.callback, self.mirror = callback, mirror

    def on_step(self, progress: Progress) -> None:
        self.callback.on_step(progress)

    def on_message(self, text: str) -> None:
        self.callback.on_message(text)

    def on_epoch_end(self, row: Epoch, is_best: bool) -> None:
        self.callback.on_epoch_end(row, is_best)
        self.mirror.metrics({name: value for name, value in row.to_dict().items() if name != "epoch"}, row.epoch)


def _mirror_results(run: Run, mirror: Mirror) -> None:
    """The results as metrics at the best epoch, and the run's files but for its checkpoint."""
    epoch = run.status.get("best_epoch", 0)
    for label, entry in run.results.items():
        mirror.metrics({f"final_{label}_{key}": entry.get(key) for key in ("accuracy", "loss")}, epoch)
    for path in sorted(run.folder.iterdir()):
        if path.name != "checkpoint" and not path.name.startswith("."):
            mirror.artifacts(path)


def _tags(run: Run) -> dict[str, Any]:
    recipe, initial_weights = run.recipe, run.read_json("config.json").get("initial_weights", "")
    settings = {"environment": run.read_json("environment.json"), "initial_weights": initial_weights}
    return {"recipe": recipe.name, "recipe_hash": recipe.hash, "run_folder": run.folder, **flatten(settings)}
