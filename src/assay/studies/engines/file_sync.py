"""File sync: how runs get from machines without a shared disk into the study folder, and back.

A worker trains in a folder of its own. After every epoch it sends the new files to a file server, the only process that
then writes into the study folder. The runs there stay the source of truth: a worker first fetches its run, whether it
is new or was started elsewhere, and resumes it. The transport belongs to the engine.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from assay.core.errors import AssayError
from assay.core.files import atomic_write
from assay.core.runtime import Runtime
from assay.studies.engines.local import train_trial
from assay.studies.study import Trial
from assay.training.callbacks import Callback
from assay.training.history import Epoch

Files = Mapping[str, bytes]  # by path within a run's folder
EpochCallback = Callable[[Epoch], None]


class FileServer(Protocol):
    """The study folder as a worker sees it."""

    def fetch(self, run: str) -> Files:
        """All files of a run of the study; none if it does not exist."""

    def store(self, run: str, files: Files, removed_names: Sequence[str]) -> None:
        """Write files into a run's folder and remove others. Raises AssayError if the disk refuses."""


@dataclass(frozen=True)
class FolderServer:
    """The file server of a study folder."""

    folder: Path

    def fetch(self, run: str) -> Files:
        """As `FileServer.fetch`."""
        return _read_files(self.folder / run, _file_stamps(self.folder / run))

    def store(self, run: str, files: Files, removed_names: Sequence[str]) -> None:
        """As `FileServer.store`; status.json comes last, because it says that the other files are complete."""
        for name in sorted(files, key=lambda name: name == "status.json"):
            atomic_write(self.folder / run / name, files[name])
        for name in removed_names:
            (self.folder / run / name).unlink(missing_ok=True)


def fetch_trial(trial: Trial, server: FileServer, runs: Path) -> Trial:
    """The trial with its folder below `runs`, and the files it has so far in it."""
    study = runs / trial.folder.parent.name
    folder = study / trial.folder.name
    start = study / trial.start.name if trial.start else None
    for run_folder in (folder, start):
        if run_folder is not None and not run_folder.exists():
            for name, content in server.fetch(run_folder.name).items():
                atomic_write(run_folder / name, content)
    return replace(trial, folder=folder, start=start)


def train_and_sync(
    local_trial: Trial, server: FileServer, runtime: Runtime, on_epoch: EpochCallback = lambda row: None
) -> str | None:
    """Train a fetched trial, unless it has ended; returns why it failed, or None.

    on_epoch: called with every epoch once its files are on the server.
    """
    if local_trial.has_ended:
        return failure_reason(local_trial)
    uploader = _Uploader(server, local_trial.folder, on_epoch)
    try:
        failure = train_trial(local_trial, runtime, mlflow=False, callback=uploader)
        uploader.send()
    except AssayError as error:
        return str(error)
    return failure


def failure_reason(trial: Trial) -> str | None:
    """Why a run failed; None if it did not."""
    return trial.run.status.get("reason") if trial.run else None


class _Uploader(Callback):
    """Sends the new files of a run's folder after every epoch."""

    def __init__(self, server: FileServer, folder: Path, on_epoch: EpochCallback) -> None:
        self.server, self.folder, self.on_epoch = server, folder, on_epoch
        self.stamps = _file_stamps(folder)

    def on_epoch_end(self, row: Epoch, is_best: bool) -> None:
        """Send the files before the epoch is announced: an announced epoch is never lost."""
        self.send()
        self.on_epoch(row)

    def send(self) -> None:
        """Bring the study folder up to date."""
        stamps = _file_stamps(self.folder)
        changed_files = [name for name, stamp in stamps.items() if self.stamps.get(name) != stamp]
        removed_files = sorted(self.stamps.keys() - stamps.keys())
        self.server.store(self.folder.name, _read_files(self.folder, changed_files), removed_files)
        self.stamps = stamps


def _file_stamps(folder: Path) -> dict[str, tuple[int, int]]:
    """Time and size of each file in a folder, by its path there."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): (path.stat().st_mtime_ns, path.stat().st_size) for path in files}


def _read_files(folder: Path, names: Iterable[str]) -> Files:
    return {name: (folder / name).read_bytes() for name in names}
