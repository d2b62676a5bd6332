"""What of a run goes to MLflow, and when: parameters at the start, every epoch's figures, the folder in the end."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from assay.core.errors import Interrupted
from assay.experiments.run import Run
from assay.experiments.tracking.mlflow_client import Mirror, Status
from assay.experiments.tracking.study_parent import parent_of
from assay.training.callbacks import Callback, Progress
from assay.training.history import Epoch


@contextmanager
def mirrored(run: Run, callback: Callback, *, wanted: bool = True) -> Iterator[Callback]:
    """A callback that also mirrors the run to MLflow; the same callback where MLflow is absent or not wanted."""
    folder = run.folder
    mirror = Mirror.open(folder.parent.name, folder.name, folder.parent.parent, callback.on_message) if wanted else None
    if mirror is None:
        yield callback
        return
    mirror.params(_flat(run.recipe.model_dump(mode="json")))
    begun_without = not _tell_parent(run, mirror)
    mirror.tags({"recipe": run.recipe.name, "recipe_hash": run.recipe.hash, "run_folder": folder, **_flat(_told(run))})
    status: Status = "FAILED"
    try:
        yield _Mirrored(callback, mirror)
        status = "FINISHED"
    except (Interrupted, KeyboardInterrupt):
        status = "KILLED"
        raise
    finally:
        if begun_without:  # a slow store has named it only now
            _tell_parent(run, mirror)
        _hand_over(run, mirror)
        mirror.close(status)
        if mirror.complete and not os.environ.get("MLFLOW_TRACKING_URI"):
            callback.on_message(
                f"in MLflow too: mlflow ui --backend-store-uri sqlite:///{folder.parent.parent / 'mlflow.db'}"
            )


def _tell_parent(run: Run, mirror: Mirror) -> bool:
    """Put the run under its study's, if that is known; returns whether it is."""
    parent = parent_of(run.folder.parent)
    if parent:
        mirror.tags({"mlflow.parentRunId": parent})
    return bool(parent)


class _Mirrored(Callback):
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


def _hand_over(run: Run, mirror: Mirror) -> None:
    """The results as metrics at the last epoch, and the run's files; not its checkpoint, which goes away."""
    for label, entry in run.results.items():
        values = {f"{label}_{key}": entry[key] for key in ("accuracy", "loss")}
        mirror.metrics({f"final_{key}": value for key, value in values.items()}, run.status.get("best_epoch", 0))
    for path in sorted(run.folder.iterdir()):
        if path.name != "checkpoint" and not path.name.startswith("."):
            mirror.artifacts(path)


def _told(run: Run) -> dict[str, Any]:
    environment, config = run.read_json("environment.json"), run.read_json("config.json")
    return {"environment": environment, "initial_weights": config.get("initial_weights", "")}


def _flat(values: dict[str, Any], above: str = "") -> dict[str, Any]:
    """Nested keys as dotted ones."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        flat |= _flat(value, f"{above}{key}.") if isinstance(value, dict) else {f"{above}{key}": value}
    return flat
