"""The built-in learning-rate schedules. Each is a class with its keys and its rate, a pure function of the step.

To add one: write a class with the decorator `@schedule(NAME)`, as below, and a test against torch's or a formula.
"""

from collections.abc import Sequence
from math import cos, pi
from typing import Annotated, ClassVar

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from assay.recipes.epochs import LENGTH, STAGE
from assay.recipes.named_sections import Horizon, Schedule, SchedulePoint, schedule
from assay.recipes.schema import Fraction

__all__ = ["Constant", "Cosine", "Horizon", "Linear", "OneCycle", "Piecewise", "Plateau", "Step"]


class WarmupSchedule(Schedule):
    """A schedule that may begin with a linear warm-up from zero."""

    warmup_epochs: Annotated[NonNegativeFloat, LENGTH] = 0.0  # before the schedule's own shape begins

    def warmup_steps(self, horizon: Horizon) -> int:
        """The steps of `warmup_epochs`, rounded."""
        return round(self.warmup_epochs * horizon.steps_per_epoch)


@schedule("constant")
class Constant(WarmupSchedule):
    """The learning rate stays the same."""

    def rate(self, peak: float, point: SchedulePoint) -> float:
        """The peak."""
        return peak


@schedule("step")
class Step(WarmupSchedule):
    """Multiplied by `factor` after every `every` epochs."""

    every: Annotated[PositiveInt, STAGE]
    factor: PositiveFloat = 0.1

    def rate(self, peak: float, point: SchedulePoint) -> float:
        """The peak times a power of the factor."""
        return peak * self.factor ** (point.epoch // self.every)


@schedule("piecewise")
class Piecewise(WarmupSchedule):
    """Rates by hand: from the start of epoch e (from 0) on, the learning rate is `at[e]`."""

    at: Annotated[dict[PositiveInt, PositiveFloat], STAGE]

    def rate(self, peak: float, point: SchedulePoint) -> float:
        """The rate of the latest entry that has begun, or the peak before the first."""
        for start in sorted(self.at, reverse=True):
            if start <= point.epoch:
                return self.at[start]
        return peak


@schedule("cosine")
class Cosine(WarmupSchedule):
    """Half a cosine down to `final` times the peak, step by step (Loshchilov and Hutter 2017)."""

    knows_its_end: ClassVar[bool] = True

    final: Fraction = 0.0

    def rate(self, peak: float, point: SchedulePoint) -> float:
        """The cosine at this share of the run."""
        return peak * (self.final + (1 - self.final) * (1 + cos(pi * point.fraction)) / 2)


@schedule("linear")
class Linear(WarmupSchedule):
    """A straight line down to zero at the last step."""

    knows_its_end: ClassVar[bool] = True

    def rate(self, peak: float, point: SchedulePoint) -> float:
        """The line at this share of the run."""
        return peak * (1 - point.fraction)


@schedule("one-cycle")
class OneCycle(Schedule):
    """Up from lr / `start` to lr over the first `up` of the steps, then down to lr / `start` / `end`, along cosines.

    As torch.optim.lr_scheduler.OneCycleLR with cosine annealing (Smith and Topin 2018); momentum stays the same. Where
    the way up is a single step there is no way up: the first step has the peak. torch divides by zero there.
    """

    knows_its_end: ClassVar[bool] = True

    up: Annotated[float, Field(gt=0, lt=1)] = 0.3
    start: PositiveFloat = 25.0
    end: PositiveFloat = 1e4

    def rate(self, peak: float, point: SchedulePoint) -> float:
        """The peak times the cycle's share at this step."""
        low, lowest = 1 / self.start, 1 / self.start / self.end
        top, last = self.up * point.horizon.steps - 1, point.horizon.steps - 1
        if top > 1e-9 and point.step <= top:
            first, final, progress = low, 1.0, point.step / top
        else:
            first, final, progress = 1.0, lowest, (point.step - top) / max(last - top, 1e-9)
        return peak * (final + (first - final) * (1 + cos(pi * progress)) / 2)


@schedule("plateau")
class Plateau(WarmupSchedule):
    """Multiplied by `factor` once the validation loss has not improved for more than `patience` epochs."""

    needs_validation: ClassVar[bool] = True

    patience: Annotated[NonNegativeInt, LENGTH] = 10
    factor: Annotated[float, Field(gt=0, lt=1)] = 0.1

    def rate(self, peak: float, point: SchedulePoint) -> float:
        """The peak times a power of the factor."""
        return peak * self.factor ** _count_drops(self.patience, point.validation_losses)


def _count_drops(patience: int, losses: Sequence[float]) -> int:
    """How often the rate has dropped, as torch's ReduceLROnPlateau counts with its relative threshold of 1e-4."""
    best, bad_epochs, drops = float("inf"), 0, 0
    for loss in losses:
        if loss < best * (1 - 1e-4):
            best, bad_epochs = loss, 0
        else:
            bad_epochs += 1
        if bad_epochs > patience:
            bad_epochs, drops = 0, drops + 1
    return drops
