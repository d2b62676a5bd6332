"""Running a study: the trials that its plan lists so far, until it lists no more."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from assay.core.errors import AssayError, Interrupted, UsageError
from assay.core.progress import duration
from assay.core.runtime import Runtime
from assay.experiments.run import RunState
from assay.experiments.setup import set_up
from assay.experiments.tracking.study_parent import mirror_study
from assay.studies.confounds import find_confounds
from assay.studies.cost import cost
from assay.studies.engines import Engine, Outcome, PruningEngine
from assay.studies.engines.stacked import DefaultEngine
from assay.studies.plots import draw_study
from assay.studies.progress import SilentProgress, StudyProgress, WorkMeter
from assay.studies.results import stopped_early
from assay.studies.spec import StudySpec, read_study
from assay.studies.study import Study, Trial
from assay.training.estimate import estimate_run


def study(
    spec: StudySpec | str,
    *,
    engine: Engine | None = None,
    runs: Path | None = None,
    progress: StudyProgress | None = None,
) -> Study:
    """Run a study (or the built-in one of that name, or a YAML file) to its end, or resume it.

    A run that failed without diverging is retried at the next call. progress: observes the runs; without one, nothing
    is printed. Raises AssayError; Interrupted after Ctrl-C, when every current run has been saved.
    """
    engine = engine or DefaultEngine.choose(Runtime.choose(threads=1))
    progress = progress or SilentProgress()
    adapted_spec = adapt_to_engine(read_study(spec) if isinstance(spec, str) else spec, engine)
    new_study = Study.create(adapted_spec, runs)
    try:
        with new_study.file_lock(), mirror_study(new_study.folder, progress.on_message, enabled=engine.mlflow):
            for line in describe(new_study, engine):
                progress.on_message(line)
            is_changed = _run_waves(new_study, engine, progress)
            if is_changed or not (new_study.folder / "figures").exists():
                _draw(new_study, progress)
    except (KeyboardInterrupt, Interrupted):
        raise Interrupted(f"stopped; start the same study again to resume {new_study.folder}") from None
    finally:
        progress.close()
    return new_study


def adapt_to_engine(spec: StudySpec, engine: Engine) -> StudySpec:
    """The study as the engine runs it. A plan that the engine replaces, asha for halving, has a folder of its own.

    Raises UsageError for a plan that the engine cannot run.
    """
    plan = spec.plan.for_engine(can_stop_runs=isinstance(engine, PruningEngine))
    if plan is spec.plan:
        return spec
    return spec.replace({"name": f"{spec.name}-{plan.name}", "plan": plan.model_dump(mode="json")})


def describe(study: Study, engine: Engine) -> list[str]:
    """What will run: variants, number of runs, compute, time, and warnings about confounded changes."""
    trials, variants = study.trials(), study.variants()
    pending = [trial for trial in trials if not trial.has_ended]
    lines = [_count_runs(study, len(trials), len(pending))]
    if pending:
        lines.append(_estimate(study, engine, pending))
    confounds = find_confounds(variants, lambda recipe: cost(recipe).parameters)
    return lines + [f"warning: {finding}" for finding in confounds]


def _count_runs(study: Study, total: int, pending: int) -> str:
    spec, variants = study.spec, len(study.variants())
    so_far = " so far" if spec.plan.needs_scores else ""
    seeds = "1 seed" if spec.replicates == 1 else f"{spec.replicates} seeds"
    return (
        f"{spec.name}: {variants} variants{so_far}, {seeds} each: {total} runs, {total - pending} of them done; "
        f"in {study.folder}"
    )


def _estimate(study: Study, engine: Engine, pending: Sequence[Trial]) -> str:
    """Compute and time of the pending trials, from a short measurement of the longest one."""
    costs = {trial.folder: cost(trial.recipe) for trial in pending}
    flop = sum(costs[trial.folder].flop for trial in pending)
    longest = max(pending, key=lambda trial: costs[trial.folder].flop).recipe
    without_faults = longest.override({"faults": []})  # one of them reads the test set, which must not happen here
    trainer = set_up(without_faults, engine.runtime).trainer
    if trainer.validation is None:
        raise UsageError(
            f"{study.spec.name}: data.validation: {longest.data.validation:g} leaves no image for validation, and a "
            "study compares scores on validation images; raise it"
        )
    probe = estimate_run(trainer)
    seconds = probe.minutes * 60 * flop / probe.flop / min(engine.processes, len(pending))
    bound = "at most " if study.spec.plan.stops_runs else ""
    return f"{bound}{flop / 1e15:.3g} PFLOP, about {duration(seconds)} with {engine.processes} at once"


def check_complete(study: Study) -> None:
    """Raise AssayError if runs failed for a reason other than divergence."""
    trials = study.trials()
    failed_trials = [trial for trial in trials if not trial.has_ended]
    if failed_trials:
        raise AssayError(
            f"{len(failed_trials)} of {len(trials)} runs failed, the first of them {failed_trials[0].folder}; "
            "start the study again to retry them"
        )


def _run_waves(study: Study, engine: Engine, progress: StudyProgress) -> bool:
    """Run what the plan lists until it lists nothing new; returns whether anything ran."""
    failed_folders, has_run = set[Path](), False
    while True:
        pending = [trial for trial in study.trials() if not trial.has_ended and trial.folder not in failed_folders]
        if not pending:
            return has_run
        failed_folders |= follow(_start(engine, study, pending), pending, progress)
        has_run = True


def _start(engine: Engine, study: Study, pending: Sequence[Trial]) -> Iterator[Outcome | None]:
    if study.spec.plan.stops_runs and isinstance(engine, PruningEngine):
        return engine.search(study, pending)
    return engine.run(pending)


def _draw(study: Study, progress: StudyProgress) -> None:
    paths = draw_study(study)
    if paths:
        progress.on_message(f"figures: {', '.join(path.name for path in paths)} in {paths[0].parent}")


def follow(outcomes: Iterator[Outcome | None], trials: Sequence[Trial], progress: StudyProgress) -> set[Path]:
    """Consume an engine's outcomes and show the progress; returns the folders of failed runs."""
    meter = WorkMeter(trials, {trial.folder: cost(trial.recipe) for trial in trials})
    failed_folders = set[Path]()
    for outcome in outcomes:
        if outcome is not None:
            trial, failure = outcome
            meter.finish(trial)
            if failure:
                failed_folders.add(trial.folder)
            progress.on_message(f"{trial.folder.name}: {failure or describe_result(trial)}")
        share, seconds_left = meter.measure()
        ended_count = len(trials) - len(meter.pending)
        progress.update(share, f"{ended_count} of {len(trials)} runs", seconds_left)
    return failed_folders


def describe_result(trial: Trial) -> str:
    """The result of a trial that did not fail, in a few words."""
    assert trial.run
    if trial.run.state == RunState.PRUNED:
        return stopped_early(trial.run.status["epochs"])
    scores = trial.run.results["validation"]
    return f"validation {100 * scores['accuracy']:.2f} % (n = {scores['n']:,})"
