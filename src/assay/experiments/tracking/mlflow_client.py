"""The mirror of a run in MLflow (extra `mlflow`). The run folder is the source of truth; no failure here stops a run.

All MLflow work, including its import, happens in one daemon thread that takes orders from a queue. The first exception
ends the mirror, with one line of warning.
"""

import logging
import os
import queue
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, Self

from assay.core.files import file_lock

Status = Literal["FINISHED", "FAILED", "KILLED"]
_Order = Callable[[Any, str], object]  # given the MlflowClient and the id of the run

# MLflow's defaults wait for minutes, write to stderr and send usage data. The user's own settings win.
_DEFAULTS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "CRITICAL",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
}
_MAX_VALUE = 6000  # MLflow's limit for a parameter; a tag may have 8,000 characters
_MAX_BATCH = 100  # and for the parameters or tags of one batch
_LOCK_SECONDS, _BUSY = 60, "another process holds the database"


class Mirror:
    """One run in MLflow. No method raises an MLflow error or waits for MLflow, but for `close`, which has a timeout."""

    def __init__(
        self, experiment: str, run_name: str, runs_folder: Path, warn: Callable[[str], None], run_id: str = ""
    ) -> None:
        self._place = (experiment, run_name, runs_folder.resolve(), _now_ms(), run_id)
        self._run_id, self._has_begun = "", threading.Event()
        self._warn: Callable[[str], None] | None = warn
        self._orders: queue.SimpleQueue[_Order | None] = queue.SimpleQueue()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="mlflow-mirror", daemon=True)
        self._thread.start()

    @classmethod
    def open(
        cls, experiment: str, run_name: str, runs_folder: Path, warn: Callable[[str], None], run_id: str = ""
    ) -> Self | None:
        """A mirror for a new run, or for the one of that id; None where MLflow is not installed.

        The store is $MLFLOW_TRACKING_URI, else the file mlflow.db in `runs_folder`, with artifacts in mlartifacts/.
        `warn` gets at most one line, in the thread that calls a method of the mirror.
        """
        if find_spec("mlflow") is None:
            return None
        for name, value in _DEFAULTS.items():
            os.environ.setdefault(name, value)
        return cls(experiment, run_name, runs_folder, warn, run_id)

    def wait_for_id(self, timeout_seconds: float = 30) -> str:
        """The run's id in MLflow; empty if MLflow fails or does not answer in time."""
        self._has_begun.wait(timeout_seconds)
        return self._run_id

    def params(self, values: Mapping[str, Any]) -> None:
        """Mirror parameters: dotted names and any values, written as text."""
        texts = {key: str(value)[:_MAX_VALUE] for key, value in values.items()}
        self._order(lambda client, run: _log_texts(client, run, "params", texts))

    def tags(self, values: Mapping[str, Any]) -> None:
        """Mirror tags."""
        texts = {key: str(value)[:_MAX_VALUE] for key, value in values.items()}
        self._order(lambda client, run: _log_texts(client, run, "tags", texts))

    def metrics(self, values: Mapping[str, float | None], epoch: int) -> None:
        """Mirror the metrics of an epoch; None is left out."""
        numbers = {key: float(value) for key, value in values.items() if value is not None}
        now_ms = _now_ms()
        self._order(lambda client, run: _log_metrics(client, run, numbers, now_ms, epoch))

    def artifacts(self, path: Path) -> None:
        """Mirror a file, or a folder with its contents, under its own name."""
        self._order(lambda client, run: _log_artifacts(client, run, path))

    def close(self, status: Status, timeout_seconds: float = 30) -> None:
        """End the run in MLflow, and wait until all orders are done, up to the timeout."""
        now_ms = _now_ms()
        self._order(lambda client, run: client.set_terminated(run, status, now_ms))
        self._orders.put(None)
        self._thread.join(timeout_seconds)
        if self._thread.is_alive():
            self._warn_once(f"MLflow did not answer within {timeout_seconds:g} s; its copy of this run is not complete")
        self._check()

    @property
    def complete(self) -> bool:
        """Whether, after `close`, all orders are done."""
        return self._failure is None and not self._thread.is_alive()

    def _order(self, order: _Order) -> None:
        self._check()
        if self._failure is None:
            self._orders.put(order)

    def _check(self) -> None:
        if self._failure is not None:
            self._warn_once(f"MLflow: {_one_line(self._failure)}; this run is no longer mirrored there")

    def _warn_once(self, line: str) -> None:
        """Warn once."""
        if self._warn is not None:
            warn, self._warn = self._warn, None
            warn(f"{line}; the run folder has everything")

    def _work(self) -> None:
        """The thread: carry out orders until the last one, or until one fails."""
        try:
            client, run = _begin(*self._place)
            self._run_id = run
            self._has_begun.set()
            while (order := self._orders.get()) is not None:
                order(client, run)
        except BaseException as error:  # an extension that fails to load may raise anything
            self._failure = error
            self._has_begun.set()


def _begin(experiment: str, run_name: str, runs_folder: Path, start_ms: int, run_id: str) -> tuple[Any, str]:
    """Import MLflow, and start a run, or restart the run of that id. Returns the client and the run's id."""
    from mlflow import MlflowClient

    retries = logging.getLogger("urllib3.connectionpool")  # MLflow's retries would be logged to stderr
    if retries.level == logging.NOTSET:
        retries.setLevel(logging.ERROR)
    uri = os.environ.get("MLFLOW_TRACKING_URI")
    artifacts = None if uri else (runs_folder / "mlartifacts").as_uri()
    # MLflow does not lock the database while it is created; two processes at once would damage it.
    turn: AbstractContextManager[None] = (
        nullcontext() if uri else file_lock(runs_folder / ".mlflow.lock", _LOCK_SECONDS, _BUSY)
    )
    with turn:
        client = MlflowClient(uri or f"sqlite:///{(runs_folder / 'mlflow.db').as_posix()}")
        if run_id:
            client.update_run(run_id, status="RUNNING")
            return client, run_id
        place = _experiment_id(client, experiment, artifacts)
        return client, client.create_run(place, start_ms, run_name=run_name).info.run_id


def _experiment_id(client: Any, name: str, artifacts: str | None) -> str:
    """The id of the experiment, which is created if it is absent; another process may create it at the same time."""
    experiment = client.get_experiment_by_name(name)
    if experiment is None:
        try:
            return str(client.create_experiment(name, artifacts))
        except Exception:
            experiment = client.get_experiment_by_name(name)
            if experiment is None:
                raise
    return str(experiment.experiment_id)


def _log_texts(client: Any, run: str, kind: Literal["params", "tags"], texts: dict[str, str]) -> None:
    from mlflow.entities import Param, RunTag

    make = Param if kind == "params" else RunTag
    items = [make(key, value) for key, value in texts.items()]
    for start in range(0, len(items), _MAX_BATCH):
        client.log_batch(run, **{kind: items[start : start + _MAX_BATCH]})


def _log_metrics(client: Any, run: str, numbers: dict[str, float], now_ms: int, epoch: int) -> None:
    from mlflow.entities import Metric

    client.log_batch(run, metrics=[Metric(key, value, now_ms, epoch) for key, value in numbers.items()])


def _log_artifacts(client: Any, run: str, path: Path) -> None:
    if path.is_dir():
        client.log_artifacts(run, str(path), artifact_path=path.name)
    else:
        client.log_artifact(run, str(path))


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 200 else f"{text[:199]}…"
