"""What runs on Ray's workers: training a chain of trials, with the study folder behind a file server."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from assay.core.errors import AssayError
from assay.core.folders import data_root
from assay.core.runtime import Runtime
from assay.studies.engines.file_sync import Files, FolderServer, fetch_trial, train_and_sync
from assay.studies.engines.local import Chain
from assay.studies.engines.ray.cluster import last_line


@dataclass(frozen=True)
class RemoteServer:
    """A file server on another node."""

    actor: Any

    def fetch(self, run: str) -> Files:
        """As `FileServer.fetch`."""
        files: Files = ray.get(self.actor.fetch.remote(run))
        return files

    def store(self, run: str, files: Files, removed_names: Sequence[str]) -> None:
        """As `FileServer.store`."""
        try:
            ray.get(self.actor.store.remote(run, files, removed_names))
        except AssayError as error:  # Ray puts the server's traceback into the message
            raise AssayError(last_line(error)) from None


@dataclass(frozen=True)
class WorkerContext:
    """What a worker has to know; data: the driver's $ASSAY_DATA."""

    server: RemoteServer
    runtime: Runtime
    data: str | None

    @classmethod
    def create(cls, study_folder: Path, runtime: Runtime) -> "WorkerContext":
        """The context with a new file server on the driver's node; it has no state, so a restarted one continues."""
        this_node = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        options = {"num_cpus": 0, "max_restarts": -1, "max_task_retries": -1, "scheduling_strategy": this_node}
        actor = ray.remote(FolderServer).options(**options).remote(study_folder.resolve())
        data = str(data_root().resolve()) if os.environ.get("ASSAY_DATA") else None
        return cls(RemoteServer(actor), runtime, data)

    @contextmanager
    def set_up_worker(self) -> Iterator[Path]:
        """On a worker: use the driver's data folder and runtime; gives a temporary runs folder."""
        if self.data is not None:
            os.environ["ASSAY_DATA"] = self.data
        Runtime.choose(self.runtime.device, self.runtime.precision, self.runtime.threads)
        with TemporaryDirectory(prefix="assay-") as folder:
            yield Path(folder)


def train_chain(chain: Chain, context: WorkerContext) -> list[str | None]:
    """On a worker: train trials one after another; returns for each why it failed, or None."""
    server = context.server
    with context.set_up_worker() as runs:
        return [train_and_sync(fetch_trial(trial, server, runs), server, context.runtime) for trial in chain]
