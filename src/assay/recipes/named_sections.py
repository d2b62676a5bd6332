"""Sections that a recipe picks by name: schedules, optimizers and losses, with their registries and decorators.

A class holds the section's keys and what it does; the decorator gives it its name:

    @schedule("square-root")
    class SquareRoot(Schedule):
        def rate(self, peak: float, point: SchedulePoint) -> float:
            return peak / (1 + point.epoch) ** 0.5

The built-in ones are in training/schedules.py, training/optimizers.py and training/losses.py.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, TypeVar

from pydantic import BeforeValidator, PositiveFloat, SerializeAsAny, model_validator
from pydantic_core import PydanticCustomError

from assay.core.registry import Registry
from assay.recipes.schema import Section

if TYPE_CHECKING:  # reading a recipe needs no torch
    import torch

LossFunction = Callable[["torch.Tensor", "torch.Tensor"], "torch.Tensor"]


class NamedSection(Section):
    """A section whose class, and so whose keys, its `name` picks from a registry."""

    registry: ClassVar[Registry[Any]]
    registered_name: ClassVar[str] = ""
    default_name: ClassVar[str] = ""  # of a section that gives none

    name: str = ""

    @classmethod
    def of_name(cls, name: Any) -> "type[NamedSection] | None":
        """The class of that name; None if there is none."""
        name = name or cls.default_name
        return cls.registry[name] if isinstance(name, str) and name in cls.registry else None

    @classmethod
    def pick(cls, value: Any) -> Any:
        """A validator that turns a name, or keys with a name, into a section of the class of that name."""
        if isinstance(value, NamedSection):
            return value
        keys = {"name": value} if isinstance(value, str) else value
        if not isinstance(keys, dict):
            raise PydanticCustomError("section_type", "Should be a name, or keys with a name")
        name = keys.get("name", cls.default_name)
        section = cls.of_name(name)
        if section is None:
            names = cls.registry.names()
            kind = "unknown_name" if name else "missing_name"
            raise PydanticCustomError(
                kind, "A name is missing; known: {known}", {"names": names, "known": ", ".join(names)}
            )
        return section.model_validate({**keys, "name": name})

    @model_validator(mode="before")
    @classmethod
    def _fill_in_name(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        if values.get("name", cls.registered_name) != cls.registered_name:
            raise ValueError(f"the name of this section is {cls.registered_name}")
        return {"name": cls.registered_name, **values}


@dataclass(frozen=True)
class Horizon:
    """The length of a run: optimizer steps per epoch, and epochs."""

    steps_per_epoch: int
    epochs: int

    @property
    def steps(self) -> int:
        """Optimizer steps in the whole run."""
        return self.steps_per_epoch * self.epochs


@dataclass(frozen=True)
class SchedulePoint:
    """The moment of a run that a learning rate is for.

    step: the optimizer step, from 0. warmup: the steps before the schedule's own shape begins. validation_losses: one
    for each finished epoch.
    """

    step: int
    horizon: Horizon
    warmup: int = 0
    validation_losses: Sequence[float] = ()

    @property
    def epoch(self) -> int:
        """The epoch, from 0."""
        return self.step // self.horizon.steps_per_epoch

    @property
    def fraction(self) -> float:
        """The share of the steps after warm-up that lie behind: 0 at the first of them."""
        return (self.step - self.warmup) / max(1, self.horizon.steps - self.warmup)


class Schedule(NamedSection):
    """A learning-rate schedule: a pure function of the step, so that a resumed run needs no saved state."""

    registry: ClassVar[Registry[Any]] = Registry("schedule", ["assay.training.schedules"])
    knows_its_end: ClassVar[bool] = False  # the rate depends on how long the run is
    needs_validation: ClassVar[bool] = False  # the rate depends on validation losses

    def rate(self, peak: float, point: SchedulePoint) -> float:
        """The learning rate at a point after warm-up; `peak` is the optimizer's lr."""
        raise NotImplementedError

    def warmup_steps(self, horizon: Horizon) -> int:
        """The number of steps of linear warm-up."""
        return 0

    def learning_rate(self, peak: float, step: int, horizon: Horizon, validation_losses: Sequence[float] = ()) -> float:
        """The learning rate of optimizer step `step` (from 0), warm-up included; `peak` is the optimizer's lr."""
        warmup = self.warmup_steps(horizon)
        if step < warmup:
            return peak * (step + 1) / warmup
        return self.rate(peak, SchedulePoint(step, horizon, warmup, validation_losses))


class Optimizer(NamedSection):
    """An optimizer with its keys.

    stackable_keys: the keys that may differ between nets that are trained as one stack; None if the optimizer cannot
    train a stack.
    """

    registry: ClassVar[Registry[Any]] = Registry("optimizer", ["assay.training.optimizers"])
    stackable_keys: ClassVar[frozenset[str] | None] = None

    lr: PositiveFloat
    clip_norm: PositiveFloat | None = None

    def build(self, net: "torch.nn.Module") -> "torch.optim.Optimizer":
        """The torch optimizer of the parameters of the net that are trained. Raises UsageError."""
        raise NotImplementedError

    def begin_epoch(self, net: "torch.nn.Module", epoch: int) -> None:
        """Change what is trained in this epoch (from 0), by `requires_grad`."""


class Loss(NamedSection):
    """A loss: always the mean over the images."""

    registry: ClassVar[Registry[Any]] = Registry("loss", ["assay.training.losses"])
    default_name: ClassVar[str] = "cross-entropy"
    needs_log_probabilities: ClassVar[bool] = False  # the net must end in log_softmax

    def function(self, reduction: str = "mean") -> LossFunction:
        """Maps logits (N, K) and labels to the mean loss in nats, or with reduction "none" to losses (N,).

        labels: int64 (N,), or for mixed images the share of each class, float32 (N, K).
        """
        raise NotImplementedError


SCHEDULES, OPTIMIZERS, LOSSES = Schedule.registry, Optimizer.registry, Loss.registry

NamedClass = TypeVar("NamedClass", bound=type[NamedSection])
ScheduleClass = TypeVar("ScheduleClass", bound=type[Schedule])
OptimizerClass = TypeVar("OptimizerClass", bound=type[Optimizer])
LossClass = TypeVar("LossClass", bound=type[Loss])


def schedule(name: str) -> Callable[[ScheduleClass], ScheduleClass]:
    """Decorator that registers a subclass of Schedule under a name."""
    return _register(name)


def optimizer(name: str) -> Callable[[OptimizerClass], OptimizerClass]:
    """Decorator that registers a subclass of Optimizer under a name."""
    return _register(name)


def loss(name: str) -> Callable[[LossClass], LossClass]:
    """Decorator that registers a subclass of Loss under a name."""
    return _register(name)


def _register(name: str) -> Callable[[NamedClass], NamedClass]:
    def register(section: NamedClass) -> NamedClass:
        section.registered_name = name
        section.registry.add(name)(section)
        return section

    return register


AnySchedule = Annotated[SerializeAsAny[Schedule], BeforeValidator(Schedule.pick)]
AnyOptimizer = Annotated[SerializeAsAny[Optimizer], BeforeValidator(Optimizer.pick)]
AnyLoss = Annotated[SerializeAsAny[Loss], BeforeValidator(Loss.pick)]
