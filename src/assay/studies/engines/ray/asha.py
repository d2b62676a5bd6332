"""Plan asha by Ray Tune: the scheduler, the trial that reports to it, and the tuner with its own store."""

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ray import tune
from ray.tune.schedulers import ASHAScheduler

from assay.core.errors import AssayError
from assay.experiments.run import Run, RunState
from assay.studies.engines.file_sync import fetch_trial, train_and_sync
from assay.studies.engines.ray.cluster import last_line, run_resources
from assay.studies.engines.ray.workers import WorkerContext
from assay.studies.plans import Asha
from assay.studies.study import Study, Trial, has_ended
from assay.training.history import Epoch

STORE, SEARCH = ".ray", "search"  # in the study folder: Ray Tune's own store
MAX_RETRIES = 2  # of a run whose worker or node died

Score = Callable[[Epoch], float | None]


class Scheduler(ASHAScheduler):
    """ASHA that records in the study folder which runs it stops, and reads the scores of ended runs after a restart.

    Ray Tune keeps this object in its store, but in its state at the start, without any scores.
    """

    def __init__(self, score: Score, **options: Any) -> None:
        super().__init__(**options)
        self.score = score

    def on_trial_add(self, controller: Any, trial: Any) -> None:
        """Add a trial; if it ended before the driver died, with all its epochs. The others report theirs again."""
        super().on_trial_add(controller, trial)
        if trial.is_finished():
            for row in _run_of(trial).history:
                super().on_trial_result(controller, trial, {"epoch": row.epoch, "score": self.score(row)})

    def on_trial_result(self, controller: Any, trial: Any, result: dict[str, Any]) -> Any:
        """Decide after an epoch. A run is never stopped after its last epoch, or if it ended before a restart."""
        decision = super().on_trial_result(controller, trial, result)
        if decision != self.STOP:
            return decision
        run = _run_of(trial)
        if result["last"] or has_ended(run):
            return self.CONTINUE
        _prune(run)
        return decision


def build_scheduler(study: Study, plan: Asha) -> Scheduler:
    """The plan as Ray Tune's ASHA."""
    epochs = max(trial.recipe.training.epochs for trial in study.trials())
    grace = study.spec.shorten(plan.grace)
    return Scheduler(
        study.spec.epoch_score, time_attr="epoch", metric="score", mode="max", max_t=epochs,
        grace_period=min(grace, epochs), reduction_factor=plan.reduction, stop_last_trials=False,
    )  # fmt: skip


def build_tuner(study: Study, context: WorkerContext, processes: int) -> Any:
    """The tuner of a study, restored from its store if there is one. Raises AssayError for a damaged store."""
    store = (study.folder / STORE).resolve()
    trainable = _build_trainable(study, context)
    if any((store / SEARCH).glob("experiment_state-*.json")):  # else it was killed before it began
        return _restore_tuner(store, trainable)
    plan = study.spec.plan
    assert isinstance(plan, Asha)
    return tune.Tuner(
        trainable,
        param_space={"run": tune.grid_search([trial.folder.name for trial in study.trials()])},
        tune_config=tune.TuneConfig(
            scheduler=build_scheduler(study, plan), max_concurrent_trials=processes, reuse_actors=True
        ),
        run_config=tune.RunConfig(
            SEARCH, str(store), failure_config=tune.FailureConfig(max_failures=MAX_RETRIES), verbose=0
        ),
    )  # fmt: skip


def _build_trainable(study: Study, context: WorkerContext) -> Any:
    trials = {trial.folder.name: trial for trial in study.trials()}
    with_arguments = tune.with_parameters(_train_trial, trials=trials, context=context, score=study.spec.epoch_score)
    resources = {name.lower(): number for name, number in run_resources(context.runtime).items()}
    return tune.with_resources(with_arguments, resources)


def _restore_tuner(store: Path, trainable: Any) -> Any:
    try:
        return tune.Tuner.restore(str(store / SEARCH), trainable, resume_unfinished=True, resume_errored=True)
    except Exception as error:  # a pickle that is truncated, or of another version, may raise anything
        raise AssayError(
            f"Ray's own store {store} cannot be read ({last_line(error)}). Remove it and start the study "
            "again: the runs are kept"
        ) from None


def start_fit(tuner: Any, results: list[Any]) -> threading.Thread:
    """Run the tuner in a thread, which appends its result, or its error, to `results`."""

    def fit() -> None:
        try:
            results.append(tuner.fit())
        except BaseException as error:
            results.append(error)

    thread = threading.Thread(target=fit, daemon=True)
    thread.start()
    return thread


def _train_trial(config: dict[str, Any], trials: Mapping[str, Trial], context: WorkerContext, score: Score) -> None:
    """On a worker: a trial as one of Ray Tune's, which may end in any report."""
    with context.set_up_worker() as runs:
        local_trial = fetch_trial(trials[config["run"]], context.server, runs)

        def report(row: Epoch) -> None:
            is_last = row.epoch >= local_trial.recipe.training.epochs
            tune.report({**row.to_dict(), "score": score(row), "last": is_last})

        for row in local_trial.run.history if local_trial.run else ():
            report(row)
        failure = train_and_sync(local_trial, context.server, context.runtime, report)
        if failure and not local_trial.has_ended:
            raise AssayError(failure)  # Ray Tune retries it


def _run_of(trial: Any) -> Run:
    """The study's run of one of Ray Tune's trials; the store may have moved since, and its folder with it."""
    return Run(Path(trial.storage.storage_fs_path).parent / trial.config["run"])


def _prune(run: Run) -> None:
    rows = run.history
    run.set_status(state=RunState.PRUNED, epochs=len(rows), train_seconds=sum(row.seconds for row in rows))
    run.checkpoint.unlink(missing_ok=True)
