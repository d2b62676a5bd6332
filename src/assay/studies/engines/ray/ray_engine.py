"""The Ray engine itself."""

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError

from assay.core.errors import UsageError
from assay.core.runtime import Runtime
from assay.studies.engines.base import Outcome
from assay.studies.engines.file_sync import failure_reason
from assay.studies.engines.local import POLL_SECONDS, Chain, LocalEngine, group_chains
from assay.studies.engines.ray.asha import MAX_RETRIES, STORE, build_tuner, start_fit
from assay.studies.engines.ray.cluster import connect, count_slots, last_line, run_resources
from assay.studies.engines.ray.workers import WorkerContext, train_chain
from assay.studies.study import Study, Trial

_STOP_SECONDS = 30  # for runs to save themselves


@dataclass(frozen=True)
class RayEngine:
    """processes: runs at once on all nodes; runtime: of each; address: of a running cluster, else one is started."""

    runtime: Runtime
    processes: int
    address: str | None = None
    mlflow: bool = False  # nodes share no disk, and so no database

    @classmethod
    def choose(cls, runtime: Runtime, processes: int | None = None, address: str | None = None) -> "RayEngine":
        """As many runs at once as the cluster has room for; without an address, a cluster of this machine only.

        Raises UsageError, and AssayError if no cluster answers.
        """
        local_processes = LocalEngine.choose(runtime, processes).processes
        if address is None:
            return cls(runtime, local_processes)
        if "://" in address:
            raise UsageError(f"--address {address}: give HOST:PORT, on a machine that belongs to the cluster")
        with cls(runtime, local_processes, address).connect():
            slots = count_slots(runtime)
        if not slots:
            raise UsageError(f"no node of {address} has room for a run, which needs {run_resources(runtime)}")
        return cls(runtime, min(processes or slots, slots), address)

    def connect(self) -> AbstractContextManager[None]:
        """Within it, Ray is connected."""
        return connect(self.address, self.processes * self.runtime.threads)

    def run(self, trials: Sequence[Trial]) -> Iterator[Outcome | None]:
        """Run all trials, as `Engine.run`. A run whose worker died is retried, on any node."""
        with self.connect():
            resources = {f"num_{name.lower()}s": number for name, number in run_resources(self.runtime).items()}
            train = ray.remote(train_chain).options(max_retries=MAX_RETRIES, scheduling_strategy="SPREAD", **resources)
            context = WorkerContext.create(trials[0].folder.parent, self.runtime)
            pending, tasks = deque(group_chains(trials)), dict[Any, Chain]()
            try:
                while pending or tasks:
                    while pending and len(tasks) < self.processes:
                        chain = pending.popleft()
                        tasks[train.remote(chain, context)] = chain
                    ready, _ = ray.wait(list(tasks), timeout=POLL_SECONDS)
                    for task in ready:
                        yield from _outcomes(task, tasks.pop(task))
                    yield None
            finally:
                _cancel(list(tasks))

    def search(self, study: Study, trials: Sequence[Trial]) -> Iterator[Outcome | None]:
        """Run plan asha by Ray Tune, whose own store is resumed if its driver died."""
        with self.connect():
            context = WorkerContext.create(study.folder, self.runtime)
            results, pending = list[Any](), list(trials)
            thread = start_fit(build_tuner(study, context, self.processes), results)
            while thread.is_alive():
                thread.join(POLL_SECONDS)
                for trial in [trial for trial in pending if trial.has_ended]:
                    pending.remove(trial)
                    yield trial, failure_reason(trial)
                yield None
            yield from _search_outcomes(results[0], study, pending)


def _outcomes(task: Any, chain: Chain) -> list[Outcome]:
    try:
        return list(zip(chain, ray.get(task), strict=True))
    except RayTaskError:  # a bug in assay
        raise
    except RayError as error:
        reason = f"its worker died {MAX_RETRIES + 1} times, killed, out of memory or with its node: {last_line(error)}"
        return [(trial, failure_reason(trial) if trial.has_ended else reason) for trial in chain]


def _search_outcomes(result: Any, study: Study, pending: Sequence[Trial]) -> Iterator[Outcome]:
    """The outcomes of the trials that had not ended when Ray Tune did. Raises the error that ended it."""
    if isinstance(result, BaseException):
        raise result
    errors = {item.config["run"]: last_line(item.error) for item in result if item.config and item.error}
    default = f"Ray Tune considers it complete; remove {study.folder / STORE} and start the study again"
    for trial in pending:
        yield trial, failure_reason(trial) if trial.has_ended else errors.get(trial.folder.name, default)


def _cancel(tasks: Sequence[Any]) -> None:
    """Ask the current runs to save themselves and end, as Ctrl-C does."""
    if tasks:
        for task in tasks:
            ray.cancel(task)
        ray.wait(tasks, num_returns=len(tasks), timeout=_STOP_SECONDS)
