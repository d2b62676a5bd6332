"""What a plan is, and the registry of plans.

A plan lists the variants that the scores so far decide. It gives the same answer for the same scores, so an
interrupted study resumes by asking again.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import BeforeValidator, SerializeAsAny

from assay.core.registry import Registry
from assay.recipes.named_sections import NamedSection
from assay.recipes.recipe import Recipe
from assay.studies.scaling import Scale
from assay.studies.variant import Scores, Variant

MAX_VARIANTS = 10_000  # more is a typing error

Prepare = Callable[[Recipe], Recipe]  # applies the study's own changes to a recipe that a plan names


class Plan(NamedSection):
    """Which variants of its base recipe a study runs. A section of study.yaml; `name` picks the class.

    needs_scores: the variants depend on the scores of earlier ones. stops_runs: the plan stops weak runs early, so it
    needs an engine that can. budget_key: the recipe key that sets how long a run of a search trains, if it varies.
    """

    registry: ClassVar[Registry[Any]] = Registry("plan", ["assay.studies.plans.*"])
    stops_runs: ClassVar[bool] = False
    budget_key: ClassVar[str | None] = None

    @property
    def needs_scores(self) -> bool:
        """Whether the variants depend on the scores of earlier ones."""
        return False

    def variants(self, base: Recipe, prepare: Prepare, scores: Scores) -> list[Variant]:
        """All variants that the scores decide. Raises UsageError for a change that no recipe has."""
        raise NotImplementedError

    def scaled_variants(self, base: Recipe, prepare: Prepare, scores: Scores, scale: Scale) -> list[Variant]:
        """The variants with a share of their work. Raises UsageError if that leaves too few epochs."""
        variants = self.variants(base, prepare, scores)
        return [replace(variant, recipe=scale.recipe(variant.recipe)) for variant in variants]

    def finalists(self, variants: Sequence[Variant]) -> list[Variant]:
        """The variants that compete for being the best."""
        return list(variants)

    def for_engine(self, can_stop_runs: bool) -> "Plan":
        """The plan as an engine runs it. Raises UsageError if the engine lacks what the plan needs."""
        return self


PLANS = Plan.registry

PlanClass = TypeVar("PlanClass", bound=type[Plan])


def plan(name: str) -> Callable[[PlanClass], PlanClass]:
    """Decorator that registers a subclass of Plan under a name."""

    def register(kind: PlanClass) -> PlanClass:
        kind.registered_name = name
        PLANS.add(name)(kind)
        return kind

    return register


AnyPlan = Annotated[SerializeAsAny[Plan], BeforeValidator(Plan.pick)]
