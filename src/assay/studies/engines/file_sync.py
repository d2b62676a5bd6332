"""The keeper: how runs that are trained on machines without a shared disk get into the study folder and out of it.

A worker trains in a folder of its own; after every epoch it sends what is new there to the keeper, which alone writes
into the study folder meanwhile. The runs there stay the truth: a worker that begins, wherever it is and for the second
time or not, fetches its run first and goes on with it. How the two talk is the engine's business.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from assay.core.errors import AssayError
from assay.core.files import atomic_write
from assay.core.runtime import Runtime
from assay.studies.engines.local import train_member
from assay.studies.study import Trial
from assay.training.callbacks import Callback
from assay.training.history import Epoch

Files = Mapping[str, bytes]  # by path within a run's folder
Tell = Callable[[Epoch], None]


class Desk(Protocol):
    """The keeper as a worker sees it."""

    def fetch(self, run: str) -> Files:
        """All files of a run of the study; none if it was not begun."""

    def keep(self, run: str, files: Files, gone: Sequence[str]) -> None:
        """Put files into a run's folder, take others away. Raises AssayError if the disk refuses."""


@dataclass(frozen=True)
class Keeper:
    """The desk of a study folder."""

    folder: Path

    def fetch(self, run: str) -> Files:
        """As of `Desk.fetch`."""
        return _read(self.folder / run, _stamps(self.folder / run))

    def keep(self, run: str, files: Files, gone: Sequence[str]) -> None:
        """As of `Desk.keep`; the status comes last, because it says whether all the rest is there."""
        for name in sorted(files, key=lambda name: name == "status.json"):
            atomic_write(self.folder / run / name, files[name])
        for name in gone:
            (self.folder / run / name).unlink(missing_ok=True)


def fetched(member: Trial, desk: Desk, runs: Path) -> Trial:
    """The member with its folder below `runs`, and in it what there was of it already."""
    study = runs / member.folder.parent.name
    start = study / member.start.name if member.start else None
    for folder in (study / member.folder.name, *([start] if start else [])):
        if not folder.exists():
            for name, content in desk.fetch(folder.name).items():
                atomic_write(folder / name, content)
    return replace(member, folder=study / member.folder.name, start=start)


def train_fetched(here: Trial, desk: Desk, runtime: Runtime, tell: Tell = lambda row: None) -> str | None:
    """Train a member that was fetched, unless it has ended; returns what went wrong.

    tell: hears of every epoch once its files are with the keeper.
    """
    if here.has_ended:
        return reason(here)
    sender = _Sender(desk, here.folder, tell)
    try:
        wrong = train_member(here, runtime, mlflow=False, callback=sender)
        sender.send()
    except AssayError as error:
        return str(error)
    return wrong


def reason(member: Trial) -> str | None:
    """Why a run failed; None if it did not."""
    return member.run.status.get("reason") if member.run else None


class _Sender(Callback):
    """Sends what is new in a run's folder after every epoch."""

    def __init__(self, desk: Desk, folder: Path, tell: Tell) -> None:
        self.desk, self.folder, self.tell, self.sent = desk, folder, tell, _stamps(folder)

    def on_epoch_end(self, row: Epoch, is_best: bool) -> None:
        """First the files: nobody should hear of an epoch that can still be lost."""
        self.send()
        self.tell(row)

    def send(self) -> None:
        """Bring the study folder up to date."""
        now = _stamps(self.folder)
        new = [name for name, stamp in now.items() if self.sent.get(name) != stamp]
        self.desk.keep(self.folder.name, _read(self.folder, new), sorted(self.sent.keys() - now.keys()))
        self.sent = now


def _stamps(folder: Path) -> dict[str, tuple[int, int]]:
    """Time and size of each file in a folder, by its path there."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): (path.stat().st_mtime_ns, path.stat().st_size) for path in files}


def _read(folder: Path, names: Iterable[str]) -> Files:
    return {name: (folder / name).read_bytes() for name in names}
