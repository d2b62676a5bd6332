"""An engine in this process, and a study of the bars."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from assay.core.runtime import Runtime
from assay.experiments.run import Run, RunState
from assay.studies.engines import Outcome
from assay.studies.engines.local import train_trial
from assay.studies.papers import PAPERS, Paper, PaperStudy
from assay.studies.spec import StudySpec
from assay.studies.study import Study, Trial
from assay.training.history import Epoch

from .toy_paper import SEARCH, STEPS


@dataclass(frozen=True)
class InThisProcess:
    """One run after another; `folders` has the folders of all that it was given, `max_runs` stops it after so many."""

    max_runs: int = 1000
    runtime: Runtime = field(default_factory=lambda: Runtime.choose("cpu", threads=1))
    processes: int = 1
    mlflow: bool = False
    folders: list[Path] = field(default_factory=list)

    def run(self, trials: Sequence[Trial]) -> Iterator[Outcome | None]:
        for trial in trials:
            if len(self.folders) >= self.max_runs:
                raise KeyboardInterrupt
            self.folders.append(trial.folder)
            yield trial, train_trial(trial, self.runtime, mlflow=False)


@pytest.fixture(autouse=True)
def without_figures(monkeypatch):
    """The figures of a run take longer than all the rest of it, and those of a study than all its runs."""
    monkeypatch.setattr("assay.experiments.finish.save_run_figures", lambda *_: None)
    monkeypatch.setattr("assay.studies.runner.draw_study", lambda _: [])


@dataclass(frozen=True)
class Pruner(InThisProcess):
    """An engine that lets the first run finish, and stops the others after an epoch; they never see the test set."""

    def search(self, study: Study, trials: Sequence[Trial]) -> Iterator[Outcome | None]:
        yield from self.run(trials[:1])
        for trial in trials[1:]:
            self.folders.append(trial.folder)
            run = Run.create(trial.recipe)
            run.write_history([Epoch(1, 1.0, 0.1, 1.0, 0.5, 1.0, 0.999, 100.0)])
            run.set_status(state=RunState.PRUNED, epochs=1)
            yield trial, None


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


@pytest.fixture
def toy_paper(bars_folder: Path) -> Iterator[str]:
    """The name of a paper with two steps, as intended and as run, and a search."""
    (bars_folder / "steps.yaml").write_text(STEPS)
    (bars_folder / "search.yaml").write_text(SEARCH)
    as_run = PaperStudy("steps.yaml", ("double-softmax",))
    paper = Paper(PaperStudy("steps.yaml"), (as_run,), searches=(PaperStudy("search.yaml"),))
    with PAPERS.replaced("toy", paper):
        yield "toy"
