"""The stacked engine: runs that differ in seed, learning rate, momentum or weight decay alone, trained as one wide net.

What does not fit together trains by itself, as the local engine would. A stack that was stopped starts again from its
beginning; runs that had finished stay.
"""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from assay.core.errors import AssayError, Interrupted, NonFiniteError
from assay.core.files import remove_partial_files
from assay.core.runtime import Runtime
from assay.experiments.run import Run
from assay.experiments.run_state import RunState
from assay.experiments.setup import TrainingSetup, set_up, set_up_like
from assay.models.pretrained import is_pretrained, library_of
from assay.models.sequential import Net, lines_of
from assay.models.stacked import knows
from assay.recipes.recipe import Recipe
from assay.studies.engines.local import Chain, Local, chains, stopped, train_member
from assay.studies.study import Trial
from assay.training.callbacks import Callback
from assay.training.interrupt import interruptible
from assay.training.stacked_trainer import StackedTrainer

MOST = 32  # nets in a stack: memory grows with them
FREE = {"name", "seed", "reported"}  # keys that may differ in a stack, beside the optimizer's stackable ones


@dataclass(frozen=True)
class Stacked(Local):
    """The local engine, of whose workers each trains a whole stack at a time."""

    def chains(self, members: Sequence[Trial]) -> list[Chain]:
        """Stacks, spread over the processes, and the rest."""
        return stacks(members, min(MOST, -(-len(members) // self.processes)))

    def train(self, chain: Chain) -> list[str | None]:
        """A stack at once, anything else one after another."""
        if len(chain) == 1 or chain[1].start:  # one that begins with the weights of the one before it
            return super().train(chain)
        if stopped.is_set():
            return ["not begun"] * len(chain)
        try:
            return train_stack(chain, self.runtime, self.mlflow)
        except Interrupted as error:
            stopped.set()
            return [str(error)] * len(chain)


@dataclass(frozen=True)
class DefaultEngine(Stacked):
    """The local engine; but heads on kept features, whose stacks are quick on a CPU too, train together."""

    def chains(self, members: Sequence[Trial]) -> list[Chain]:
        """Stacks of heads, and the rest."""
        first = {one.start for one in members}
        heads = [one for one in members if library_of(one.recipe.model.name) and fits(one) and one.folder not in first]
        return [*super().chains(heads), *chains([one for one in members if one not in heads])]


def stacks(members: Sequence[Trial], most: int = MOST) -> list[Chain]:
    """The members in groups to be trained together, of `most` at most; those that fit no other stay alone."""
    first = {one.start for one in members}  # others begin with their weights, in the same worker
    same: dict[str, list[Trial]] = defaultdict(list)
    rest: list[Trial] = []
    for one in members:
        (same[_key(one.recipe)] if fits(one) and one.folder not in first else rest).append(one)
    groups: list[Chain] = [ones[start : start + most] for ones in same.values() for start in range(0, len(ones), most)]
    return groups + chains(rest)


def fits(member: Trial) -> bool:
    """Whether this run could be part of a stack at all."""
    recipe = member.recipe
    return (
        recipe.optimizer.stackable_keys is not None
        and not recipe.schedule.needs_validation  # each net would need a rate of its own
        and recipe.stopping.patience is None  # all must end together
        and not recipe.faults
        and member.start is None
        and not (member.run and member.run.checkpoint.exists())  # it goes on from there, by itself
        and (is_head(recipe) if is_pretrained(recipe.model) else knows(lines_of(recipe.model, 2)))
    )


def is_head(recipe: Recipe) -> bool:
    """Whether this is a new head alone, on features of a pretrained net that are the same in all epochs."""
    model = recipe.model
    frozen = model.train_only == "head" and not model.unfreeze and model.frozen_batch_norm
    return frozen and model.weights != "none" and bool(recipe.training.views or not recipe.augment)


def train_stack(members: Chain, runtime: Runtime, mlflow: bool) -> list[str | None]:
    """Train members together, judge them one by one; returns what went wrong with each. Raises Interrupted."""
    try:
        first = set_up(members[0].recipe, runtime)
        if not isinstance(first.trainer.trained_net, Net):  # a pretrained net that could not be cut
            return [train_member(one, runtime, mlflow) for one in members]
        pairs = _begun(members, first)
        stack = StackedTrainer([job.trainer for _, job in pairs])
        _train(stack, [run for run, _ in pairs])
    except Interrupted:
        raise
    except AssayError as error:
        return [str(error)] * len(members)
    return [_complete(run, job, stack.errors.get(place), mlflow) for place, (run, job) in enumerate(pairs)]


def _key(recipe: Recipe) -> str:
    """Equal for recipes of one stack."""
    values = recipe.model_dump(mode="json", exclude=FREE)
    for key in recipe.optimizer.stackable_keys or ():
        values["optimizer"].pop(key, None)
    return json.dumps(values, sort_keys=True)


def _begun(members: Chain, first: TrainingSetup) -> list[tuple[Run, TrainingSetup]]:
    """A folder and a job for each; they share the images."""
    jobs = [first, *(set_up_like(first, one.recipe) for one in members[1:])]
    runs = [_folder(one) for one in members]
    for run, job in zip(runs, jobs, strict=True):
        job.describe(run)
        run.set_status(state=RunState.RUNNING, reason=None)
    return list(zip(runs, jobs, strict=True))


def _folder(member: Trial) -> Run:
    """The member's run, empty of what an attempt before this left half-written."""
    if member.folder.is_dir():
        remove_partial_files(member.folder)
        if not member.run:
            member.folder.rmdir()
    return member.run or Run.create(member.recipe, member.folder.parents[1])


def _train(stack: StackedTrainer, runs: Sequence[Run]) -> None:
    from assay.experiments.finish import record_end

    states = [one.state for one in stack.trainers]
    try:
        with interruptible() as stop_requested:
            while not stack.finished:
                stack.train_epoch(lambda: stop_requested() or stopped.is_set())  # or before the training began
                for run, state in zip(runs, states, strict=True):
                    run.write_history(state.history)
    except BaseException as error:
        for run, state in zip(runs, states, strict=True):
            record_end(run, state, error)
        raise


def _complete(run: Run, job: TrainingSetup, wrong: NonFiniteError | None, mlflow: bool) -> str | None:
    """Judge a member that is trained, or say how it failed, as for any run."""
    from assay.experiments.finish import complete

    trainer = job.trainer

    def train(callback: Callback, *_: object) -> None:
        for row in trainer.state.history:
            callback.on_epoch_end(row, row.epoch == trainer.best_epoch)
        if wrong:
            raise wrong

    try:
        complete(run, job, Callback(), mlflow, train)
    except AssayError as error:
        return str(error)
    return None
