"""A study in MLflow: one parent run, under which the study's runs stand as children."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from assay.files import write_whole
from assay.tracking import Mirror, Status

_PARENT = "mlflow-parent.txt"  # in the study's folder: the id of its run


@contextmanager
def nested(folder: Path, warn: Callable[[str], None], *, wanted: bool = True) -> Iterator[None]:
    """Within it, the runs of the study in `folder` have a parent in MLflow, the same one whenever the study goes on."""
    name, known = folder.name, parent_of(folder)
    mirror = Mirror.open(name, name.removesuffix("-study"), folder.parent, warn, known) if wanted else None
    if mirror is None:
        yield
        return
    if not known and (found := mirror.wait_for_id()):
        write_whole(folder / _PARENT, found)
    mirror.tags({"study_folder": folder})
    status: Status = "KILLED"
    try:
        yield
        status = "FINISHED"
    finally:
        mirror.close(status)


def parent_of(folder: Path) -> str:
    """The id of the MLflow run under which runs in this folder stand; empty where there is none."""
    path = folder / _PARENT
    return path.read_text().strip() if path.exists() else ""
