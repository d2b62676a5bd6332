"""The plans of a study: which variants of its base recipe it runs, wave by wave. LoadedData a study: `spec.py`.

A plan is asked for all variants that the scores so far decide, and always gives the same answer for the same scores;
so a study that was killed goes on by asking again.
"""

from collections.abc import Callable, Mapping
from itertools import product
from math import ceil, prod
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
from pydantic import BeforeValidator, Field, NonNegativeInt, PositiveInt, model_validator

from assay.core.errors import UsageError, unknown
from assay.recipes.loader import read_recipe
from assay.recipes.recipe import Recipe
from assay.recipes.schema import Section
from assay.studies.variant import Scores, Variant, label

MOST = 10_000  # variants; more is a slip of the pen

Ready = Callable[[Recipe], Recipe]  # what the study changes in every recipe that a plan names


def named_recipe(value: Any) -> Any:
    """A recipe may be written as its name."""
    return read_recipe(value).model_dump(mode="json") if isinstance(value, str) else value


def _step(value: Any) -> Any:
    """A step may be written as a recipe's name, or as its changes alone."""
    if isinstance(value, str):
        return {"recipe": value}
    if isinstance(value, dict) and not value.keys() <= Step.model_fields.keys():
        return {"changes": value}
    return value


class Step(Section):
    """A step of a ladder: changes to what is there, or a whole recipe; `after` names another step to put it on."""

    changes: dict[str, Any] = Field(default_factory=dict)
    recipe: Annotated[Recipe | None, BeforeValidator(named_recipe)] = None
    after: str | None = None


class Ladder(Section):
    """One change after another: on top of the base or of the last step that was kept.

    keep: all steps, or only one that scores better than what it builds on.
    """

    name: Literal["ladder"] = "ladder"
    base_name: str = "base"
    steps: Annotated[dict[str, Annotated[Step, BeforeValidator(_step)]], Field(min_length=1)]
    against: Literal["last", "base"] = "last"
    keep: Literal["all", "better"] = "all"

    @property
    def decides(self) -> bool:
        """Whether what is run depends on scores."""
        return self.keep == "better"

    def variants(self, base: Recipe, ready: Ready, scores: Scores) -> list[Variant]:
        """The base and all steps, or those up to the first whose fate is not decided."""
        last = Variant(self.base_name, base)
        known = {last.name: last}
        for name, step in self.steps.items():
            on = self._found(known, name, step.after) if step.after else last
            recipe = ready(step.recipe) if step.recipe else on.recipe
            if step.changes or not step.recipe:  # what a report gives is for a recipe as it stands
                recipe = recipe.override({"reported": None, **step.changes})
            known[name] = one = Variant(name, recipe, on.name)
            if self.keep == "better" and not {one.name, on.name} <= scores.keys():
                break
            if self.against == "last" and (self.keep == "all" or scores[one.name] > scores[on.name]):
                last = one
        return list(known.values())

    def _found(self, known: Mapping[str, Variant], name: str, after: str) -> Variant:
        if after not in known:
            raise unknown(f"step before {name}:", after, known)
        return known[after]


class _Space(Section):
    """Some keys with the values to try."""

    decides: ClassVar[bool] = False

    over: Annotated[dict[str, Annotated[list[Any], Field(min_length=1)]], Field(min_length=1)]

    @model_validator(mode="after")
    def _no_value_twice(self) -> Self:
        for key, values in self.over.items():
            if len({repr(value) for value in values}) < len(values):
                raise ValueError(f"{key}: a value stands there twice")
        return self

    @property
    def cells(self) -> int:
        """How many combinations there are."""
        return prod(map(len, self.over.values()))

    def cell(self, base: Recipe, values: Mapping[str, Any]) -> Variant:
        """The variant of one combination."""
        return Variant(label(values), base.override({**values, "reported": None}), values=values)


class Grid(_Space):
    """Every combination of the values of some keys."""

    name: Literal["grid"] = "grid"

    def variants(self, base: Recipe, ready: Ready, scores: Scores) -> list[Variant]:
        """All cells, the last key changing fastest."""
        if self.cells > MOST:
            raise UsageError(
                f"plan: the grid has {self.cells:,} cells, and at most {MOST:,} are run; draw some with name: random"
            )
        return [self.cell(base, dict(zip(self.over, values, strict=True))) for values in product(*self.over.values())]


class _Draws(_Space):
    """Some of the combinations, drawn without repeats; all of them where there are no more than `draws`."""

    draws: Annotated[PositiveInt, Field(le=MOST)]
    seed: NonNegativeInt = 0

    def drawn(self) -> list[dict[str, Any]]:
        """The combinations, in the order in which they were drawn."""
        sizes = [len(values) for values in self.over.values()]
        rng, chosen = np.random.default_rng(self.seed), dict[int, None]()
        while len(chosen) < min(self.draws, self.cells):
            chosen.setdefault(int(rng.integers(self.cells)))
        places = (np.unravel_index(cell, sizes) for cell in chosen)
        return [{key: values[i] for (key, values), i in zip(self.over.items(), place, strict=True)} for place in places]


class Random(_Draws):
    """Draws, all of them trained to the end."""

    name: Literal["random"] = "random"

    def variants(self, base: Recipe, ready: Ready, scores: Scores) -> list[Variant]:
        """The draws."""
        return [self.cell(base, values) for values in self.drawn()]


class Halving(_Draws):
    """Successive halving (Jamieson and Talwalkar 2016): many draws for a few epochs, the best of them for more.

    Each rung trains anew with a schedule that ends there, so that the scores of a rung compare. grace: epochs of the
    first rung; each next has `reduction` times as many and as many times fewer draws, up to the base's epochs.
    """

    decides: ClassVar[bool] = True

    name: Literal["halving"] = "halving"
    grace: PositiveInt = 1
    reduction: Annotated[int, Field(ge=2)] = 2

    def variants(self, base: Recipe, ready: Ready, scores: Scores) -> list[Variant]:
        """All rungs that the scores so far decide."""
        alive, known = self.drawn(), list[Variant]()
        for epochs in self.rungs(base.training.epochs):
            rung = [self.cell(base, {**values, "training.epochs": epochs}) for values in alive]
            known += rung
            if not all(one.name in scores for one in rung):
                break
            order = sorted(range(len(rung)), key=lambda i: -scores[rung[i].name])  # stable: on a tie the first drawn
            alive = [alive[i] for i in sorted(order[: ceil(len(rung) / self.reduction)])]
        return known

    def rungs(self, epochs: int) -> list[int]:
        """The epochs of each rung."""
        found, rung = [], self.grace
        while rung < epochs:
            found.append(rung)
            rung *= self.reduction
        return [*found, epochs]

    def as_asha(self) -> "Asha":
        """The same draws and rungs for an engine that stops runs by itself."""
        return Asha(**self.model_dump(exclude={"name"}))


class Asha(_Draws):
    """Successive halving without waiting (Li et al. 2020): draws with all the base's epochs, weak ones stopped early.

    grace: epochs before the first decision; each next comes after `reduction` times as many, and lets about one in
    `reduction` go on. A run in the middle must compare with one that ended there, so no schedule may know its end.
    """

    name: Literal["asha"] = "asha"
    grace: PositiveInt = 1
    reduction: Annotated[int, Field(ge=2)] = 2

    def variants(self, base: Recipe, ready: Ready, scores: Scores) -> list[Variant]:
        """The draws. Raises UsageError where runs in the middle do not compare, or would wait for each other."""
        if "shared-weights" in base.faults:
            raise UsageError("plan: the draws of asha run in no order, and shared-weights wants one; use plan halving")
        found = [self.cell(base, values) for values in self.drawn()]
        for one in found:
            schedule = one.recipe.schedule
            if schedule.knows_its_end:
                raise UsageError(
                    f"plan: asha compares runs before their end, where {one.name}'s schedule {schedule.name} is still "
                    "on its way down; use constant (or step, piecewise, plateau), or plan halving"
                )
        return found


Plan = Annotated[Ladder | Grid | Random | Halving | Asha, Field(discriminator="name")]
