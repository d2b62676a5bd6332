"""What an engine is, and the registry of engines."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from assay.core.errors import UsageError
from assay.core.registry import Registry
from assay.core.runtime import Runtime
from assay.studies.study import Study, Trial

Outcome = tuple[Trial, str | None]  # a trial that ended, and why it failed


class Engine(Protocol):
    """Runs the trials of a study, `processes` at once, each on the runtime."""

    @property
    def runtime(self) -> Runtime:
        """Device, precision and threads of each run."""

    @property
    def processes(self) -> int:
        """The number of runs at once."""

    @property
    def mlflow(self) -> bool:
        """Whether the runs are mirrored to MLflow."""

    def run(self, trials: Sequence[Trial]) -> Iterator[Outcome | None]:
        """Run all trials; yield each as it ends, with the reason if it failed, and None now and then in between.

        A run that fails does not stop the others.
        """


@runtime_checkable
class PruningEngine(Engine, Protocol):
    """An engine that can stop weak runs early, as plan asha needs."""

    def search(self, study: Study, trials: Sequence[Trial]) -> Iterator[Outcome | None]:
        """As `run`; a trial that the plan stops gets the state `pruned` and has ended."""


@dataclass(frozen=True)
class EngineOptions:
    """What a user chooses about an engine. processes: None for as many as the machine has room for."""

    runtime: Runtime
    processes: int | None = None
    mlflow: bool = True
    address: str | None = None  # of a Ray cluster

    def refuse_address(self) -> None:
        """Raise UsageError if there is an address."""
        if self.address is not None:
            raise UsageError("--address is for a Ray cluster; add --engine ray")


EngineFactory = Callable[[EngineOptions], Engine]

ENGINES: Registry[EngineFactory] = Registry("engine", ["assay.studies.engines.*"])
engine = ENGINES.add  # decorator: @engine("local")
