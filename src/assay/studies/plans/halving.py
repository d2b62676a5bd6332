"""Searches that give more epochs to better draws: successive halving, and ASHA, which stops weak runs early."""

from collections.abc import Sequence
from dataclasses import replace
from math import ceil
from typing import Annotated, Any, ClassVar

from pydantic import Field, PositiveInt

from assay.core.errors import UsageError
from assay.recipes.epochs import LENGTH
from assay.recipes.recipe import Recipe
from assay.studies.plans.base import Plan, Prepare, plan
from assay.studies.plans.grid import Draws
from assay.studies.scaling import Scale
from assay.studies.variant import Scores, Variant


@plan("halving")
class Halving(Draws):
    """Successive halving (Jamieson and Talwalkar 2016): many draws for a few epochs, the best of them for more.

    Each rung trains from scratch with a schedule that ends there, so the scores of a rung are comparable. grace: epochs
    of the first rung. Each next rung has `reduction` times the epochs and 1 / `reduction` of the draws, up to the
    base's epochs.
    """

    budget_key: ClassVar[str | None] = "training.epochs"

    grace: Annotated[PositiveInt, LENGTH] = 1
    reduction: Annotated[int, Field(ge=2)] = 2

    @property
    def needs_scores(self) -> bool:
        """Whether the variants depend on the scores of earlier ones."""
        return True

    def variants(self, base: Recipe, prepare: Prepare, scores: Scores) -> list[Variant]:
        """All rungs that the scores so far decide."""
        draws, variants = self.draw_values(), list[Variant]()
        for epochs in self.rungs(base.training.epochs):
            rung_variants = [self.cell(base, {**values, "training.epochs": epochs}) for values in draws]
            variants += rung_variants
            if not all(variant.name in scores for variant in rung_variants):
                break
            draws = self._survivors(draws, [scores[variant.name] for variant in rung_variants])
        return variants

    def scaled_variants(self, base: Recipe, prepare: Prepare, scores: Scores, scale: Scale) -> list[Variant]:
        """The rungs of a search with shorter runs: from the shortened grace up to the base's shortened epochs."""
        whole, short = base.training.epochs, scale.shorten(base.training.epochs)
        plan = self.model_copy(update={"grace": scale.shorten(self.grace)})
        variants = plan.variants(base.override({"training.epochs": short}), prepare, scores)

        def shorten(recipe: Recipe) -> Recipe:
            scaled_recipe = scale.recipe(recipe.override({"training.epochs": whole}))
            return scaled_recipe.override({"training.epochs": recipe.training.epochs})

        return [replace(variant, recipe=shorten(variant.recipe)) for variant in variants]

    def rungs(self, epochs: int) -> list[int]:
        """The epochs of each rung."""
        rungs, length = [], self.grace
        while length < epochs:
            rungs.append(length)
            length *= self.reduction
        return [*rungs, epochs]

    def finalists(self, variants: Sequence[Variant]) -> list[Variant]:
        """The variants of the last rung: those that train longest."""
        longest = max(variant.recipe.training.epochs for variant in variants)
        return [variant for variant in variants if variant.recipe.training.epochs == longest]

    def for_engine(self, can_stop_runs: bool) -> Plan:
        """ASHA for an engine that stops runs early: the same draws and rungs."""
        return Asha.model_validate(self.model_dump(exclude={"name"})) if can_stop_runs else self

    def _survivors(self, draws: list[dict[str, Any]], scores: Sequence[float]) -> list[dict[str, Any]]:
        best_first = sorted(range(len(draws)), key=lambda i: -scores[i])  # stable: a tie goes to the earlier draw
        return [draws[i] for i in sorted(best_first[: ceil(len(draws) / self.reduction)])]


@plan("asha")
class Asha(Draws):
    """Successive halving without waiting (Li et al. 2020): draws with all the base's epochs, weak ones stopped early.

    grace: epochs before the first decision. Each next decision comes after `reduction` times the epochs and lets about
    one run in `reduction` continue. A run in the middle must be comparable with one that ended there, so the schedule
    must not depend on the number of epochs.
    """

    stops_runs: ClassVar[bool] = True

    grace: Annotated[PositiveInt, LENGTH] = 1
    reduction: Annotated[int, Field(ge=2)] = 2

    def variants(self, base: Recipe, prepare: Prepare, scores: Scores) -> list[Variant]:
        """The draws. Raises UsageError where unfinished runs are not comparable, or depend on each other."""
        if "shared-weights" in base.faults:
            raise UsageError("plan: asha runs its draws in no order, and shared-weights needs one; use plan halving")
        variants = [self.cell(base, values) for values in self.draw_values()]
        for variant in variants:
            schedule = variant.recipe.schedule
            if schedule.knows_its_end:
                raise UsageError(
                    f"plan: asha compares runs before their end, where {variant.name}'s schedule {schedule.name} has "
                    "not come down yet; use constant (or step, piecewise, plateau), or plan halving"
                )
        return variants

    def for_engine(self, can_stop_runs: bool) -> Plan:
        """The plan itself. Raises UsageError for an engine that cannot stop runs."""
        if not can_stop_runs:
            raise UsageError("plan asha needs an engine that stops runs early: use plan halving, or --engine ray")
        return self
