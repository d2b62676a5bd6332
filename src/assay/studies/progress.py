"""Progress of a study: the interface of those who show it, and the work done so far."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from assay.studies.cost import Cost
from assay.studies.study import Trial

MIN_SHARE = 0.02  # of the work, before the remaining time is estimated


class StudyProgress(Protocol):
    """Shows how far a study is; `assay.report.terminal.RunsProgress` does so on a terminal."""

    def on_message(self, text: str) -> None:
        """Show a line that stays."""

    def update(self, done: float, text: str, seconds_left: float | None) -> None:
        """Show the share of the work that is done, from 0 to 1."""

    def close(self) -> None:
        """Remove what does not stay."""


class SilentProgress:
    """Ignores progress."""

    def on_message(self, text: str) -> None:
        """Ignore a line."""

    def update(self, done: float, text: str, seconds_left: float | None) -> None:
        """Ignore progress."""

    def close(self) -> None:
        """Do nothing."""


class WorkMeter:
    """How much of the trials' work is done, by their epochs, and how long the rest will take."""

    def __init__(self, trials: Sequence[Trial], costs: Mapping[Path, Cost]) -> None:
        self.work = {trial.folder: costs[trial.folder].flop for trial in trials}
        self.pending = dict(zip(self.work, trials, strict=True))
        self.total = sum(self.work.values())
        self.initial, self.start_time = self.partial(), time.monotonic()

    def finish(self, trial: Trial) -> None:
        """Count a trial as complete."""
        del self.pending[trial.folder]

    def measure(self) -> tuple[float, float | None]:
        """The share that is complete, and the seconds left once MIN_SHARE of the work is complete in this process."""
        complete = self.total - sum(self.work[folder] for folder in self.pending) + self.partial()
        progress = complete - self.initial
        if progress <= MIN_SHARE * self.total:
            return complete / self.total, None
        seconds = (time.monotonic() - self.start_time) * (self.total - complete) / progress
        return complete / self.total, seconds

    def partial(self) -> float:
        """The work in the epochs of the pending trials."""
        return sum(
            self.work[folder] * len(trial.run.history) / trial.recipe.training.epochs
            for folder, trial in self.pending.items()
            if trial.run
        )
