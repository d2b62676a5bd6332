"""A study in MLflow: a parent run, and the study's runs as its children."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

from assay.core.files import atomic_write
from assay.experiments.tracking.mlflow_client import Mirror, Status

_PARENT = "mlflow-parent.txt"  # in the study's folder: the id of its run
PATIENCE_SECONDS, MAX_SECONDS = 30.0, 24 * 3600.0  # to wait for the id before the first run, and at all


@contextmanager
def mirror_study(folder: Path, warn: Callable[[str], None], *, enabled: bool = True) -> Iterator[None]:
    """Within it, the runs of the study in `folder` have a parent in MLflow; a resumed study has the same one."""
    name, run_id = folder.name, parent_of(folder)
    mirror = Mirror.open(name, name.removesuffix("-study"), folder.parent, warn, run_id) if enabled else None
    if mirror is None:
        yield
        return
    if not run_id:
        writer = Thread(target=_store_id, args=(mirror, folder), daemon=True)  # a slow store delays no study
        writer.start()
        writer.join(PATIENCE_SECONDS)
    mirror.tags({"study_folder": folder})
    status: Status = "KILLED"
    try:
        yield
        status = "FINISHED"
    finally:
        mirror.close(status)


def _store_id(mirror: Mirror, folder: Path) -> None:
    run_id = mirror.wait_for_id(MAX_SECONDS)
    if run_id:
        atomic_write(folder / _PARENT, run_id)


def parent_of(folder: Path) -> str:
    """The id of the MLflow run that is the parent of the runs in this folder; empty if there is none."""
    path = folder / _PARENT
    return path.read_text().strip() if path.exists() else ""
