"""A study in MLflow: one parent run, under which the study's runs stand as children."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

from assay.core.files import atomic_write
from assay.experiments.tracking.mlflow_client import Mirror, Status

_PARENT = "mlflow-parent.txt"  # in the study's folder: the id of its run
PATIENCE_SECONDS, LONGEST_SECONDS = 30.0, 24 * 3600.0  # to wait for it before the first run, and at all


@contextmanager
def nested(folder: Path, warn: Callable[[str], None], *, wanted: bool = True) -> Iterator[None]:
    """Within it, the runs of the study in `folder` have a parent in MLflow, the same one whenever the study goes on."""
    name, known = folder.name, parent_of(folder)
    mirror = Mirror.open(name, name.removesuffix("-study"), folder.parent, warn, known) if wanted else None
    if mirror is None:
        yield
        return
    if not known:
        writer = Thread(target=_keep_id, args=(mirror, folder), daemon=True)  # a store that is slow holds up no study
        writer.start()
        writer.join(PATIENCE_SECONDS)
    mirror.tags({"study_folder": folder})
    status: Status = "KILLED"
    try:
        yield
        status = "FINISHED"
    finally:
        mirror.close(status)


def _keep_id(mirror: Mirror, folder: Path) -> None:
    if found := mirror.wait_for_id(LONGEST_SECONDS):
        atomic_write(folder / _PARENT, found)


def parent_of(folder: Path) -> str:
    """The id of the MLflow run under which runs in this folder stand; empty where there is none."""
    path = folder / _PARENT
    return path.read_text().strip() if path.exists() else ""
