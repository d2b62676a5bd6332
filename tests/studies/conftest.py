"""An engine in this process, and a study of the bars."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from assay.core.runtime import Runtime
from assay.experiments.run import Run
from assay.experiments.run_state import RunState
from assay.studies.engines import Ended
from assay.studies.engines.local import train_member
from assay.studies.spec import StudySpec
from assay.studies.study import Study, Trial
from assay.training.history import Epoch


@dataclass(frozen=True)
class InThisProcess:
    """One run after another; `ran` has the folders of all that it was given, `most` stops it after so many."""

    most: int = 1000
    runtime: Runtime = field(default_factory=lambda: Runtime.choose("cpu", threads=1))
    processes: int = 1
    mlflow: bool = False
    ran: list[Path] = field(default_factory=list)

    def run(self, members: Sequence[Trial]) -> Iterator[Ended | None]:
        for member in members:
            if len(self.ran) >= self.most:
                raise KeyboardInterrupt
            self.ran.append(member.folder)
            yield member, train_member(member, self.runtime, mlflow=False)


@pytest.fixture(autouse=True)
def without_figures(monkeypatch):
    """The figures of a run take longer than all the rest of it, and those of a study than all its runs."""
    monkeypatch.setattr("assay.experiments.finish.draw", lambda *_: None)
    monkeypatch.setattr("assay.studies.runner.draw", lambda _: [])


@dataclass(frozen=True)
class Pruner(InThisProcess):
    """An engine that lets the first run finish, and stops the others after an epoch; they never see the test set."""

    def search(self, study: Study, members: Sequence[Trial]) -> Iterator[Ended | None]:
        yield from self.run(members[:1])
        for member in members[1:]:
            self.ran.append(member.folder)
            run = Run.create(member.recipe)
            run.write_history([Epoch(1, 1.0, 0.1, 1.0, 0.5, 1.0, 0.999, 100.0)])
            run.set_status(state=RunState.PRUNED, epochs=1)
            yield member, None


@pytest.fixture
def engine() -> InThisProcess:
    return InThisProcess()


@pytest.fixture
def spec(bars_folder: Path) -> StudySpec:
    """Three steps with two seeds of one epoch each: six runs."""
    return StudySpec.model_validate(
        {
            "name": "steps",
            "base": "bars.yaml",
            "changes": {"training.epochs": 1},
            "replicates": 2,
            "plan": {
                "name": "ladder",
                "steps": {"adam": {"optimizer.name": "adam"}, "wider": {"training.batch_size": 50}},
            },
        }
    )
