"""Learning-rate schedules: the rate of every step as a pure function of the step and of the validation losses so far.

Nothing here has a state, so a resumed run needs none of it saved.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, pi

from assay.recipes.schema import Constant, Cosine, Linear, OneCycle, Piecewise, Plateau, Step

AnySchedule = Constant | Step | Piecewise | Cosine | Linear | OneCycle | Plateau


@dataclass(frozen=True)
class Horizon:
    """How long a run is: optimizer steps in an epoch, and epochs."""

    steps_per_epoch: int
    epochs: int

    @property
    def steps(self) -> int:
        """Optimizer steps in the whole run."""
        return self.steps_per_epoch * self.epochs


def learning_rate(
    schedule: AnySchedule, peak: float, step: int, horizon: Horizon, validation_losses: Sequence[float] = ()
) -> float:
    """The rate of optimizer step `step` (from 0); `peak` is the recipe's lr."""
    if isinstance(schedule, OneCycle):
        return peak * _one_cycle(schedule, step, horizon.steps)
    warmup = round(schedule.warmup_epochs * horizon.steps_per_epoch)
    if step < warmup:
        return peak * (step + 1) / warmup
    match schedule:
        case Step():
            return peak * schedule.factor ** (step // horizon.steps_per_epoch // schedule.every)
        case Piecewise():
            epoch = step // horizon.steps_per_epoch
            return next((schedule.at[start] for start in sorted(schedule.at, reverse=True) if start <= epoch), peak)
        case Cosine():
            done = (step - warmup) / max(1, horizon.steps - warmup)
            return peak * (schedule.final + (1 - schedule.final) * (1 + cos(pi * done)) / 2)
        case Linear():
            return peak * (1 - (step - warmup) / max(1, horizon.steps - warmup))
        case Plateau():
            return peak * schedule.factor ** _plateau_drops(schedule.patience, validation_losses)
        case Constant():
            return peak


def _one_cycle(schedule: OneCycle, step: int, steps: int) -> float:
    """The share of the peak rate, as torch.optim.lr_scheduler.OneCycleLR with cosine annealing counts it."""
    low, lowest = 1 / schedule.start, 1 / schedule.start / schedule.end
    top, last = schedule.up * steps - 1, steps - 1
    if step <= top:
        start, end, done = low, 1.0, step / top
    else:
        start, end, done = 1.0, lowest, (step - top) / max(last - top, 1e-9)
    return end + (start - end) * (1 + cos(pi * done)) / 2


def _plateau_drops(patience: int, losses: Sequence[float]) -> int:
    """How often the rate has dropped, as torch's ReduceLROnPlateau counts, with its relative threshold 1e-4."""
    best, waited, drops = float("inf"), 0, 0
    for loss in losses:
        if loss < best * (1 - 1e-4):
            best, waited = loss, 0
        else:
            waited += 1
        if waited > patience:
            waited, drops = 0, drops + 1
    return drops
