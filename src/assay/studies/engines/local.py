"""The local engine: on a CPU one process of one thread for each core, on a GPU one run after another.

Two processes of one thread are faster than one of two. Workers start once and serve many runs; what a run has to say is
in its folder, so only its end travels between processes.
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
from assay.studies.engines import Ended
from assay.studies.study import Trial
from assay.training.callbacks import Callback

TRIES = 2  # of a run whose worker died: out of memory, or killed
POLL_SECONDS = 0.5

Chain = Sequence[Trial]  # to be run one after another


@dataclass(frozen=True)
class Local:
    """processes: at once; runtime: of each."""

    runtime: Runtime
    processes: int
    mlflow: bool = True

    @classmethod
    def choose(cls, runtime: Runtime, processes: int | None = None, mlflow: bool = True) -> Self:
        """As many processes as the machine has use for."""
        if processes is not None and processes < 1:
            raise UsageError(f"--processes must be at least 1 (given: {processes})")
        usual = max(1, (os.cpu_count() or 1) // runtime.threads) if runtime.device == "cpu" else 1
        return cls(runtime, processes or usual, mlflow)

    def run(self, members: Sequence[Trial]) -> Iterator[Ended | None]:
        """Run all, as of `Engine.run`. Raises AssayError for a run whose worker died twice."""
        left, deaths = list(members), Counter[Path]()
        while left:
            try:
                for ended in self._pool(self.chains(left)):
                    if ended is not None:
                        left = [one for one in left if one is not ended[0]]
                    yield ended
            except BrokenProcessPool:
                deaths.update(member.folder for member in left if member.run and not member.has_ended)
                if worst := [folder.name for folder, count in deaths.items() if count >= TRIES]:
                    raise AssayError(
                        f"a worker died {TRIES} times, killed or out of memory, with these runs under way: "
                        f"{', '.join(worst)}. Start the study again to go on, with fewer --processes if memory is short"
                    ) from None

    def chains(self, members: Sequence[Trial]) -> list[Chain]:
        """What goes to a worker together."""
        return chains(members)

    def train(self, chain: Chain) -> list[str | None]:
        """Train a chain, in a worker, until Ctrl-C; returns what went wrong with each."""
        return [_train_unless_stopped(member, self) for member in chain]

    def _pool(self, todo: Sequence[Chain]) -> Iterator[Ended | None]:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["assay.experiments.train"])  # torch is imported once for all workers
        processes = min(self.processes, len(todo))
        with ProcessPoolExecutor(processes, context, _begin, (self.runtime.threads,)) as pool:
            waiting: dict[Future[list[str | None]], Chain] = {pool.submit(self.train, one): one for one in todo}
            try:
                while waiting:
                    done, _ = wait(waiting, POLL_SECONDS, FIRST_COMPLETED)
                    for future in done:
                        yield from zip(waiting.pop(future), future.result(), strict=True)
                    yield None
            except BaseException:
                for worker in multiprocessing.active_children():  # they save what is under way, and begin nothing more
                    os.kill(worker.pid or 0, signal.SIGINT)
                pool.shutdown(wait=True, cancel_futures=True)
                raise


def chains(members: Sequence[Trial]) -> list[Chain]:
    """Members that begin with another's weights come after it, in one worker."""
    found: list[list[Trial]] = []
    for one in members:
        if found and one.start is not None and one.start == found[-1][-1].folder:
            found[-1].append(one)
        else:
            found.append([one])
    return list(found)


def train_member(member: Trial, runtime: Runtime, mlflow: bool, callback: Callback | None = None) -> str | None:
    """Train a member, or go on with it; returns what went wrong. Raises Interrupted after Ctrl-C."""
    from assay.experiments import train as verbs

    folder = member.folder
    options: dict[str, Any] = {
        "runtime": runtime,
        "callback": callback or Callback(),
        "mlflow": mlflow,
        "start": member.start,
    }
    try:
        if member.run:
            verbs.resume(Run(folder), **options)
        else:
            if folder.is_dir():
                remove_partial_files(folder)
                folder.rmdir()  # killed before anything was in it
            verbs.train(member.recipe, runs=folder.parents[1], **options)
    except Interrupted:
        raise
    except AssayError as error:
        return str(error)
    return None


stopped = threading.Event()  # in a worker: set by Ctrl-C


def _train_unless_stopped(member: Trial, engine: Local) -> str | None:
    if stopped.is_set():
        return "not begun"
    try:
        return train_member(member, engine.runtime, engine.mlflow)
    except Interrupted as error:
        stopped.set()
        return str(error)


def _begin(threads: int) -> None:
    """At a worker's start: its threads; and it ends when the study's process is gone, so that nobody works unseen.

    A group of its own keeps a terminal's Ctrl-C away from it: it comes once, from the study's process.
    """
    if hasattr(os, "setpgrp"):
        os.setpgrp()
    signal.signal(signal.SIGINT, lambda *_: stopped.set())
    Runtime.choose("cpu", threads=threads)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def follow() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
