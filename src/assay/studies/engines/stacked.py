"""The stacked engine: runs that differ only in seed, learning rate, momentum or weight decay, trained as one wide net.

Runs that cannot be stacked train one by one, as with the local engine. A stack that was stopped starts again from its
beginning; runs that have finished stay.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from assay.core.errors import AssayError, Interrupted, NonFiniteError
from assay.core.files import remove_partial_files
from assay.core.runtime import Runtime
from assay.experiments.run import Run, RunState
from assay.experiments.setup import TrainingSetup, set_up
from assay.experiments.setup_like import set_up_like
from assay.models.sequential import Net
from assay.studies.engines.base import Engine, EngineOptions, engine
from assay.studies.engines.local import NOT_STARTED, Chain, LocalEngine, group_chains, stop_event, train_trial
from assay.studies.study import Trial
from assay.training.callbacks import Callback
from assay.training.interrupt import interruptible
from assay.training.stackable import can_stack, is_cached_head, stack_key
from assay.training.stacked_trainer import StackedTrainer

MAX_STACK = 32  # nets in a stack: memory grows with them


@dataclass(frozen=True)
class StackedEngine(LocalEngine):
    """The local engine with workers that train a whole stack at a time."""

    def make_chains(self, trials: Sequence[Trial]) -> list[Chain]:
        """Stacks, spread over the processes, and the remaining trials."""
        return group_stacks(trials, min(MAX_STACK, -(-len(trials) // self.processes)))

    def train(self, chain: Chain) -> list[str | None]:
        """Train a stack at once, any other chain one by one."""
        if len(chain) == 1 or chain[1].start:  # a trial that starts from the weights of the one before it
            return super().train(chain)
        if stop_event.is_set():
            return [NOT_STARTED] * len(chain)
        try:
            return train_stack(chain, self.runtime, self.mlflow)
        except Interrupted as error:
            stop_event.set()
            return [str(error)] * len(chain)


@dataclass(frozen=True)
class DefaultEngine(StackedEngine):
    """The local engine, except that heads on cached features train as stacks: these are fast on a CPU too."""

    def make_chains(self, trials: Sequence[Trial]) -> list[Chain]:
        """Stacks of heads, and the remaining trials."""
        start_folders = {trial.start for trial in trials}
        heads = [
            trial
            for trial in trials
            if is_cached_head(trial.recipe) and fits_stack(trial) and trial.folder not in start_folders
        ]
        return [*super().make_chains(heads), *group_chains([trial for trial in trials if trial not in heads])]


@engine("local")
def local_engine(options: EngineOptions) -> Engine:
    """One process for each core; heads on cached features train together."""
    options.refuse_address()
    return DefaultEngine.choose(options.runtime, options.processes, options.mlflow)


@engine("stacked")
def stacked_engine(options: EngineOptions) -> Engine:
    """As local, and all runs of equal architecture train as one wide net."""
    options.refuse_address()
    return StackedEngine.choose(options.runtime, options.processes, options.mlflow)


def group_stacks(trials: Sequence[Trial], max_size: int = MAX_STACK) -> list[Chain]:
    """The trials in stacks of at most `max_size`; trials that cannot be stacked stay alone."""
    start_folders = {trial.start for trial in trials}  # another trial starts from their weights, in the same worker
    stacks: dict[str, list[Trial]] = defaultdict(list)
    single_trials: list[Trial] = []
    for trial in trials:
        if fits_stack(trial) and trial.folder not in start_folders:
            stacks[stack_key(trial.recipe)].append(trial)
        else:
            single_trials.append(trial)
    chains: list[Chain] = [
        stack[place : place + max_size] for stack in stacks.values() for place in range(0, len(stack), max_size)
    ]
    return chains + group_chains(single_trials)


def fits_stack(trial: Trial) -> bool:
    """Whether this run can be part of a stack: from the start, with fresh weights. One with a checkpoint resumes."""
    has_checkpoint = trial.run is not None and trial.run.checkpoint.exists()
    return can_stack(trial.recipe) and trial.start is None and not has_checkpoint


def train_stack(trials: Chain, runtime: Runtime, mlflow: bool) -> list[str | None]:
    """Train trials together, score them one by one; returns why each failed, or None. Raises Interrupted."""
    try:
        first = set_up(trials[0].recipe, runtime.as_fixed())
        if not isinstance(first.trainer.trained_net, Net):  # a pretrained net that cannot be split
            return [train_trial(trial, runtime, mlflow) for trial in trials]
        pairs = _set_up(trials, first)
        stack = StackedTrainer([setup.trainer for _, setup in pairs])
        _train(stack, [run for run, _ in pairs])
    except Interrupted:
        raise
    except AssayError as error:
        return [str(error)] * len(trials)
    return [_complete(run, setup, stack.errors.get(place), mlflow) for place, (run, setup) in enumerate(pairs)]


def _set_up(trials: Chain, first: TrainingSetup) -> list[tuple[Run, TrainingSetup]]:
    """A run folder and a setup for each trial; the setups share the images."""
    setups = [first, *(set_up_like(first, trial.recipe) for trial in trials[1:])]
    runs = [_clean_run(trial) for trial in trials]
    for run, setup in zip(runs, setups, strict=True):
        setup.describe(run)
        run.set_status(state=RunState.RUNNING, reason=None)
    return list(zip(runs, setups, strict=True))


def _clean_run(trial: Trial) -> Run:
    """The trial's run, without files that an earlier attempt left half-written."""
    if trial.folder.is_dir():
        remove_partial_files(trial.folder)
        if not trial.run:
            trial.folder.rmdir()
    return trial.run or Run.create(trial.recipe, trial.folder.parents[1])


def _train(stack: StackedTrainer, runs: Sequence[Run]) -> None:
    from assay.experiments.finish import record_end

    states = [trainer.state for trainer in stack.trainers]
    try:
        with interruptible() as stop_requested:
            while not stack.finished:
                stack.train_epoch(lambda: stop_requested() or stop_event.is_set())  # the event may precede the training
                for run, state in zip(runs, states, strict=True):
                    run.write_history(state.history)
    except BaseException as error:
        for run, state in zip(runs, states, strict=True):
            record_end(run, state, error)
        raise


def _complete(run: Run, setup: TrainingSetup, failure: NonFiniteError | None, mlflow: bool) -> str | None:
    """Score a trained run, or record its failure, as for any run."""
    from assay.experiments.finish import complete

    trainer = setup.trainer

    def replay(callback: Callback, *_: object) -> None:
        for row in trainer.state.history:
            callback.on_epoch_end(row, row.epoch == trainer.best_epoch)
        if failure:
            raise failure

    try:
        complete(run, setup, Callback(), mlflow, replay)
    except AssayError as error:
        return str(error)
    return None
