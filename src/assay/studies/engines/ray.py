"""The Ray engine (extra `ray`): a study's runs on the nodes of a Ray cluster, and the plan asha by Ray Tune.

What travels between a worker and the study folder, and when: `keeper.py`. Ray is imported here and nowhere else.
"""

import logging
import os
import re
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from assay.core.errors import AssayError, MissingExtraError, UsageError
from assay.core.runtime import Runtime
from assay.data.datasets.catalog import data_root
from assay.experiments.run import Run
from assay.experiments.run_state import RunState
from assay.studies.engines import Ended
from assay.studies.engines.file_sync import Files, Keeper, fetched, reason, train_fetched
from assay.studies.engines.local import POLL_SECONDS, Chain, Local, chains
from assay.studies.plans import Asha
from assay.studies.study import Study, Trial, has_ended
from assay.training.history import Epoch

# Ray's own defaults send usage data, start a cluster at any call without one, and print; what the user has set stays.
_MANNERS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_AUTO_CONNECT": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_DEDUP_LOGS_SKIP_REGEX": ".",
    "RAY_AIR_NEW_OUTPUT": "0",
}
for _name, _value in _MANNERS.items():
    os.environ.setdefault(_name, _value)  # some are read when it is imported
try:
    import ray
    from ray import tune
    from ray._private import ray_constants
    from ray.exceptions import RayError, RayTaskError
    from ray.tune.schedulers import ASHAScheduler
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy
except ImportError:
    raise MissingExtraError("the Ray engine", "ray") from None

RETRIES = 2  # of a run whose worker died, or its node
STORE, SEARCH = ".ray", "search"  # in the study folder: Ray Tune's own store

Score = Callable[[Epoch], float | None]

_STORE_BYTES = 80 * 2**20  # of a cluster of our own; nothing large goes through Ray's object store
_STOP_SECONDS = 30  # for runs to save themselves


@dataclass(frozen=True)
class Ray:
    """processes: runs at once, wherever they are; runtime: of each; address: a cluster that is there already."""

    runtime: Runtime
    processes: int
    address: str | None = None
    mlflow: bool = False  # nodes share no disk, and so no database

    @classmethod
    def choose(cls, runtime: Runtime, processes: int | None = None, address: str | None = None) -> "Ray":
        """As many runs at once as the cluster has room for; without an address a cluster of this machine alone.

        Raises UsageError, and AssayError if no cluster answers.
        """
        usual = Local.choose(runtime, processes).processes
        if address is None:
            return cls(runtime, usual)
        if "://" in address:
            raise UsageError(f"--address {address}: give HOST:PORT, on a machine that belongs to the cluster")
        with cls(runtime, usual, address)._connected():
            room = sum(_room(node["Resources"], runtime) for node in ray.nodes() if node["Alive"])
        if not room:
            raise UsageError(f"no node of {address} has room for a run, which needs {_needs(runtime)}")
        return cls(runtime, min(processes or room, room), address)

    def run(self, members: Sequence[Trial]) -> Iterator[Ended | None]:
        """Run all, as of `Engine.run`. A run whose worker died is tried again, on any node."""
        with self._connected():
            needs = {f"num_{name.lower()}s": number for name, number in _needs(self.runtime).items()}
            train = ray.remote(_train_chain).options(max_retries=RETRIES, scheduling_strategy="SPREAD", **needs)
            work = self._work(members[0].folder.parent)
            todo, waiting = deque(chains(members)), dict[Any, Chain]()
            try:
                while todo or waiting:
                    while todo and len(waiting) < self.processes:
                        chain = todo.popleft()
                        waiting[train.remote(chain, work)] = chain
                    done, _ = ray.wait(list(waiting), timeout=POLL_SECONDS)
                    for task in done:
                        yield from _outcomes(task, waiting.pop(task))
                    yield None
            finally:
                _stop(list(waiting))

    def search(self, study: Study, members: Sequence[Trial]) -> Iterator[Ended | None]:
        """Run the plan asha by Ray Tune, whose own store is resumed if its driver died."""
        with self._connected():
            tuner, found, left = self._tuner(study), list[Any](), list(members)
            thread = threading.Thread(target=_fit, args=(tuner, found), daemon=True)
            thread.start()
            while thread.is_alive():
                thread.join(POLL_SECONDS)
                for one in [one for one in left if one.has_ended]:
                    left.remove(one)
                    yield one, reason(one)
                yield None
            if isinstance(found[0], BaseException):
                raise found[0]
            wrong = {one.config["run"]: _last_line(one.error) for one in found[0] if one.config and one.error}
            gave_up = f"Ray Tune takes it for done; remove {study.folder / STORE} and start the study again"
            for one in left:
                yield one, reason(one) if one.has_ended else wrong.get(one.folder.name, gave_up)

    def _work(self, folder: Path) -> "_Work":
        """For the workers. The keeper is on the driver's node; if it dies it comes back, for it remembers nothing."""
        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        options = {"num_cpus": 0, "max_restarts": -1, "max_task_retries": -1, "scheduling_strategy": here}
        keeper = ray.remote(Keeper).options(**options).remote(folder.resolve())
        data = str(data_root().resolve()) if os.environ.get("ASSAY_DATA") else None
        return _Work(_RemoteDesk(keeper), self.runtime, data)

    def _tuner(self, study: Study) -> Any:
        plan, store = study.spec.plan, (study.folder / STORE).resolve()
        assert isinstance(plan, Asha)
        members = {one.folder.name: one for one in study.members()}
        trial = tune.with_resources(
            tune.with_parameters(
                _trial, members=members, work=self._work(study.folder), score=study.spec.epoch_score
            ),
            {name.lower(): number for name, number in _needs(self.runtime).items()},
        )  # fmt: skip
        if any((store / SEARCH).glob("experiment_state-*.json")):  # else it was killed before it began
            try:
                return tune.Tuner.restore(str(store / SEARCH), trial, resume_unfinished=True, resume_errored=True)
            except Exception as error:  # a pickle that was cut off, or is another version's, may raise anything
                raise AssayError(
                    f"Ray's own store {store} cannot be read ({_last_line(error)}). Remove it and start the study "
                    "again: the runs are kept"
                ) from None
        return tune.Tuner(
            trial,
            param_space={"run": tune.grid_search(list(members))},
            tune_config=tune.TuneConfig(
                scheduler=scheduler(study, plan), max_concurrent_trials=self.processes, reuse_actors=True
            ),
            run_config=tune.RunConfig(
                SEARCH, str(store), failure_config=tune.FailureConfig(max_failures=RETRIES), verbose=0
            ),
        )  # fmt: skip

    @contextmanager
    def _connected(self) -> Iterator[None]:
        """Within it, Ray is there; a connection that was there before is used, and left as it is."""
        if ray.is_initialized():
            yield
            return
        own: dict[str, Any] = {
            "num_cpus": self.processes * self.runtime.threads, "object_store_memory": _STORE_BYTES,
            "include_dashboard": False,
        }  # fmt: skip
        quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
        try:
            with nullcontext() if self.address else _on_loopback():
                ray.init(self.address or "local", **quiet, **({} if self.address else own))
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise AssayError(f"no Ray cluster can be had at {self.address or 'this machine'}: {error}") from None
        try:
            yield
        finally:
            ray.shutdown()


class Scheduler(ASHAScheduler):
    """ASHA that writes into the study folder which runs it stops, and knows after a restart how those that ended did.

    Ray Tune keeps this object in its store, but as it was at the start, without any scores.
    """

    def __init__(self, score: Score, **options: Any) -> None:
        super().__init__(**options)
        self.score = score

    def on_trial_add(self, controller: Any, trial: Any) -> None:
        """Take in a trial; if it ended before the driver died, with all its epochs. The others report theirs anew."""
        super().on_trial_add(controller, trial)
        if trial.is_finished():
            for row in _run_of(trial).history:
                super().on_trial_result(controller, trial, {"epoch": row.epoch, "score": self.score(row)})

    def on_trial_result(self, controller: Any, trial: Any, result: dict[str, Any]) -> Any:
        """Decide after an epoch. Never stopped: a run after its last one, or that had ended and only reports anew."""
        decision = super().on_trial_result(controller, trial, result)
        if decision != self.STOP:
            return decision
        if result["last"] or has_ended(run := _run_of(trial)):
            return self.CONTINUE
        _prune(run)
        return decision


def scheduler(study: Study, plan: Asha) -> Scheduler:
    """The plan as Ray Tune's ASHA."""
    epochs = max(one.recipe.training.epochs for one in study.members())
    return Scheduler(
        study.spec.epoch_score, time_attr="epoch", metric="score", mode="max", max_t=epochs,
        grace_period=min(plan.grace, epochs), reduction_factor=plan.reduction, stop_last_trials=False,
    )  # fmt: skip


@dataclass(frozen=True)
class _RemoteDesk:
    """A keeper on another node."""

    actor: Any

    def fetch(self, run: str) -> Files:
        found: Files = ray.get(self.actor.fetch.remote(run))
        return found

    def keep(self, run: str, files: Files, gone: Sequence[str]) -> None:
        try:
            ray.get(self.actor.keep.remote(run, files, gone))
        except AssayError as error:  # Ray puts the keeper's traceback into the message
            raise AssayError(_last_line(error)) from None


@dataclass(frozen=True)
class _Work:
    """What a worker has to know; data: the driver's $ASSAY_DATA."""

    desk: _RemoteDesk
    runtime: Runtime
    data: str | None

    @contextmanager
    def begun(self) -> Iterator[Path]:
        """On a worker: a runs folder for a while, and the driver's way of computing."""
        if self.data is not None:
            os.environ["ASSAY_DATA"] = self.data
        Runtime.choose(self.runtime.device, self.runtime.precision, self.runtime.threads)
        with TemporaryDirectory(prefix="assay-") as folder:
            yield Path(folder)


def _train_chain(chain: Chain, work: _Work) -> list[str | None]:
    """On a worker: train members one after another; returns what went wrong with each."""
    with work.begun() as runs:
        return [train_fetched(fetched(one, work.desk, runs), work.desk, work.runtime) for one in chain]


def _trial(config: dict[str, Any], members: Mapping[str, Trial], work: _Work, score: Score) -> None:
    """On a worker: a member as one of Ray Tune's trials, which may end in any report."""
    with work.begun() as runs:
        here = fetched(members[config["run"]], work.desk, runs)

        def tell(row: Epoch) -> None:
            last = row.epoch >= here.recipe.training.epochs
            tune.report({**row.to_dict(), "score": score(row), "last": last})

        for row in here.run.history if here.run else ():
            tell(row)
        wrong = train_fetched(here, work.desk, work.runtime, tell)
        if wrong and not here.has_ended:
            raise AssayError(wrong)  # Ray Tune tries it again


def _outcomes(task: Any, chain: Chain) -> list[Ended]:
    try:
        return list(zip(chain, ray.get(task), strict=True))
    except RayTaskError:  # a defect of ours
        raise
    except RayError as error:
        text = f"its worker died {RETRIES + 1} times, killed, out of memory or with its node: {_last_line(error)}"
        return [(one, reason(one) if one.has_ended else text) for one in chain]


def _stop(tasks: Sequence[Any]) -> None:
    """Ask runs under way to save themselves and end, as Ctrl-C does."""
    if tasks:
        for task in tasks:
            ray.cancel(task)
        ray.wait(tasks, num_returns=len(tasks), timeout=_STOP_SECONDS)


def _fit(tuner: Any, found: list[Any]) -> None:
    """In a thread of its own, which has no other way to say what happened."""
    try:
        found.append(tuner.fit())
    except BaseException as error:
        found.append(error)


def _run_of(trial: Any) -> Run:
    """The study's run of a trial; the store may have been moved since, and its folder with it."""
    return Run(Path(trial.storage.storage_fs_path).parent / trial.config["run"])


def _prune(run: Run) -> None:
    rows = run.history
    run.set_status(state=RunState.PRUNED, epochs=len(rows), train_seconds=sum(row.seconds for row in rows))
    run.checkpoint.unlink(missing_ok=True)


@contextmanager
def _on_loopback() -> Iterator[None]:
    """Within it, a cluster is begun that listens on 127.0.0.1 alone, for it asks no password; Ray has no option."""
    before, ray_constants.ENABLE_RAY_CLUSTER = ray_constants.ENABLE_RAY_CLUSTER, False
    try:
        yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = before


def _needs(runtime: Runtime) -> dict[str, float]:
    """Ray's resources for one run."""
    return {"CPU": runtime.threads, **({"GPU": 1} if runtime.device.startswith("cuda") else {})}


def _room(resources: Mapping[str, float], runtime: Runtime) -> int:
    """How many runs a node has room for."""
    return min(int(resources.get(name, 0) // number) for name, number in _needs(runtime).items())


def _last_line(error: BaseException) -> str:
    """What an error from another process says, without its traceback."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return re.sub(r"^[\w.]*(Error|Exception): ", "", lines[-1])
