"""Engines: where the runs of a study run. Each is an `Engine`; `local.py` is the usual one."""

from collections.abc import Iterator, Sequence
from typing import Protocol, runtime_checkable

from assay.core.runtime import Runtime
from assay.studies.study import Study, Trial

Ended = tuple[Trial, str | None]  # with what went wrong


class Engine(Protocol):
    """Runs the members of a study, `processes` at once, each on the runtime."""

    @property
    def runtime(self) -> Runtime:
        """How each run computes."""

    @property
    def processes(self) -> int:
        """How many runs at once."""

    @property
    def mlflow(self) -> bool:
        """Whether the runs are mirrored to MLflow."""

    def run(self, members: Sequence[Trial]) -> Iterator[Ended | None]:
        """Run all; gives each member as it ends with what went wrong, and now and then None in between.

        A run that fails does not stop the others.
        """


@runtime_checkable
class Pruning(Engine, Protocol):
    """An engine that can stop weak runs early, for the plan asha."""

    def search(self, study: Study, members: Sequence[Trial]) -> Iterator[Ended | None]:
        """As `run`; a member that the plan stops gets the state `pruned` and has ended."""
