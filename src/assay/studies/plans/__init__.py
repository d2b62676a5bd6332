"""The plans of a study, one file per idea. Add one with `@plan("name")` on a subclass of `Plan`: see `base.py`."""

from assay.studies.plans.base import PLANS, AnyPlan, Plan, plan
from assay.studies.plans.grid import Grid, Random
from assay.studies.plans.halving import Asha, Halving
from assay.studies.plans.ladder import Ladder

__all__ = ["PLANS", "AnyPlan", "Asha", "Grid", "Halving", "Ladder", "Plan", "Random", "plan"]
