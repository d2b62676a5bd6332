"""The local engine: one process with one thread for each core of a CPU, one run after another on a GPU.

Two processes with one thread each are faster than one with two. Workers start once and serve many runs. A run's results
are in its folder, so only its end travels between processes.
"""

import multiprocessing
import os
import signal
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from assay.core.errors import AssayError, Interrupted, UsageError
from assay.core.files import remove_partial_files
from assay.core.runtime import Runtime
from assay.experiments.run import Run
from assay.studies.engines.base import Outcome
from assay.studies.study import Trial
from assay.training.callbacks import Callback

MAX_TRIES = 2  # of a run whose worker died: out of memory, or killed
POLL_SECONDS = 0.5
NOT_STARTED = "not started"

Chain = Sequence[Trial]  # run one after another, in one worker


@dataclass(frozen=True)
class LocalEngine:
    """`processes` workers on this machine, each with the runtime."""

    runtime: Runtime
    processes: int
    mlflow: bool = True

    @classmethod
    def choose(cls, runtime: Runtime, processes: int | None = None, mlflow: bool = True) -> Self:
        """The engine with `processes` workers, by default as many as the machine has room for. Raises UsageError."""
        if processes is not None and processes < 1:
            raise UsageError(f"--processes must be at least 1 (given: {processes})")
        default = max(1, (os.cpu_count() or 1) // runtime.threads) if runtime.device == "cpu" else 1
        return cls(runtime, processes or default, mlflow)

    def run(self, trials: Sequence[Trial]) -> Iterator[Outcome | None]:
        """Run all trials, as `Engine.run`. Raises AssayError for a run whose worker died twice."""
        pending, deaths = list(trials), Counter[Path]()
        while pending:
            try:
                for outcome in self._run_pool(self.make_chains(pending)):
                    if outcome is not None:
                        pending = [trial for trial in pending if trial is not outcome[0]]
                    yield outcome
            except BrokenProcessPool:
                deaths.update(trial.folder for trial in pending if trial.run and not trial.has_ended)
                _check_deaths(deaths)

    def make_chains(self, trials: Sequence[Trial]) -> list[Chain]:
        """The trials in groups; a worker takes a group at a time."""
        return group_chains(trials)

    def train(self, chain: Chain) -> list[str | None]:
        """Train a chain, in a worker, until Ctrl-C; returns for each trial why it failed, or None."""
        return [_train_unless_stopped(trial, self) for trial in chain]

    def _run_pool(self, chains: Sequence[Chain]) -> Iterator[Outcome | None]:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["assay.experiments.train"])  # torch is imported once for all workers
        processes = min(self.processes, len(chains))
        with ProcessPoolExecutor(processes, context, _start_worker, (self.runtime.threads,)) as pool:
            tasks: dict[Future[list[str | None]], Chain] = {pool.submit(self.train, chain): chain for chain in chains}
            try:
                while tasks:
                    finished_futures, _ = wait(tasks, POLL_SECONDS, FIRST_COMPLETED)
                    for future in finished_futures:
                        yield from zip(tasks.pop(future), future.result(), strict=True)
                    yield None
            except BaseException:
                for worker in multiprocessing.active_children():  # they save the current run and start no other
                    os.kill(worker.pid or 0, signal.SIGINT)
                pool.shutdown(wait=True, cancel_futures=True)
                raise


def _check_deaths(deaths: Counter[Path]) -> None:
    """Raise AssayError if some run was in progress too often when a worker died."""
    names = [folder.name for folder, count in deaths.items() if count >= MAX_TRIES]
    if names:
        raise AssayError(
            f"a worker died {MAX_TRIES} times, killed or out of memory, during these runs: {', '.join(names)}. "
            "Start the study again to resume it, with fewer --processes if memory is short"
        ) from None


def group_chains(trials: Sequence[Trial]) -> list[Chain]:
    """A chain for each trial; one that starts from another's weights follows it in the same chain."""
    chains: list[list[Trial]] = []
    for trial in trials:
        if chains and trial.start is not None and trial.start == chains[-1][-1].folder:
            chains[-1].append(trial)
        else:
            chains.append([trial])
    return list(chains)


def train_trial(trial: Trial, runtime: Runtime, mlflow: bool, callback: Callback | None = None) -> str | None:
    """Train a trial, or resume it; returns why it failed, or None. Raises Interrupted after Ctrl-C.

    No trial measures or changes its runtime: the runs of a study are compared, and they share the cores.
    """
    from assay.experiments.train import resume, train

    options: dict[str, Any] = {
        "runtime": runtime.as_fixed(), "callback": callback or Callback(), "mlflow": mlflow, "start": trial.start,
    }  # fmt: skip
    try:
        if trial.run:
            resume(Run(trial.folder), **options)
        else:
            remove_empty_folder(trial.folder)
            train(trial.recipe, runs=trial.folder.parents[1], **options)
    except Interrupted:
        raise
    except AssayError as error:
        return str(error)
    return None


def remove_empty_folder(folder: Path) -> None:
    """Remove the folder of a run that was killed before its first file was complete."""
    if folder.is_dir():
        remove_partial_files(folder)
        folder.rmdir()


stop_event = threading.Event()  # in a worker: set by Ctrl-C


def _train_unless_stopped(trial: Trial, engine: LocalEngine) -> str | None:
    if stop_event.is_set():
        return NOT_STARTED
    try:
        return train_trial(trial, engine.runtime, engine.mlflow)
    except Interrupted as error:
        stop_event.set()
        return str(error)


def _start_worker(threads: int) -> None:
    """Set up a worker: its threads, its signals, and its end when the study's process is gone.

    A process group of its own keeps a terminal's Ctrl-C away from it: the study's process sends it once.
    """
    if hasattr(os, "setpgrp"):
        os.setpgrp()
    signal.signal(signal.SIGINT, lambda *_: stop_event.set())
    Runtime.choose("cpu", threads=threads)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def exit_with_parent() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=exit_with_parent, daemon=True).start()
