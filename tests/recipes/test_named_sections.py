"""A section picks its class by name; a new schedule, optimizer or loss is one class with a decorator."""

import subprocess
import sys
from typing import Any, ClassVar

import pytest
from pydantic import Field, ValidationError

from assay.core.errors import UsageError
from assay.recipes.named_sections import LOSSES, OPTIMIZERS, SCHEDULES, Horizon, Schedule, SchedulePoint, schedule
from assay.recipes.recipe import Recipe
from assay.training.optimizers import Muon, Sgd
from assay.training.schedules import Constant, Step

LINEAR = {"model": {"layers": ["flatten", "linear 10"]}}


def test_the_builtin_sections_are_registered():
    assert {"constant", "cosine", "linear", "one-cycle", "piecewise", "plateau", "step"} <= set(SCHEDULES)
    assert {"adam", "adamw", "muon", "sgd"} <= set(OPTIMIZERS)
    assert {"cross-entropy", "nll"} <= set(LOSSES)


def test_a_section_has_its_registered_name_and_takes_no_other():
    assert Sgd(lr=0.1).name == "sgd"
    with pytest.raises(ValidationError, match="the name of this section is sgd"):
        Sgd(name="adam", lr=0.1)


def test_a_name_picks_the_class():
    recipe = Recipe.build({**LINEAR, "schedule": {"name": "step", "every": 3}, "optimizer": {"name": "muon",
                           "bias_lr": 1, "head_lr": 1}})  # fmt: skip
    assert (type(recipe.schedule), type(recipe.optimizer)) == (Step, Muon)
    assert recipe.model_dump()["schedule"] == {"name": "step", "warmup_epochs": 0.0, "every": 3, "factor": 0.1}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"optimizer": {"lr": 1}}, f"optimizer: a name is missing; known: {', '.join(OPTIMIZERS)}"),
        ({"schedule": 3}, "schedule: should be a name, or keys with a name (given: 3)"),
        ({"schedule": {"name": ["step"]}}, "unknown value for schedule:"),
        ({"schedule": "setp"}, "unknown value for schedule: 'setp'; did you mean step"),
    ],
)
def test_a_wrong_name_is_explained(values, message):
    with pytest.raises(UsageError) as caught:
        Recipe.build({**LINEAR, **values})
    assert message in str(caught.value)


class SquareRoot(Schedule):
    """A schedule as a plug-in would write it."""

    registered_name: ClassVar[str] = "square-root"

    scale: float = Field(1.0, gt=0)

    def rate(self, peak: float, point: SchedulePoint) -> float:
        return peak / (1 + self.scale * point.epoch) ** 0.5

    def scaled_keys(self, scale_epochs: Any) -> dict[str, Any]:
        return {"scale": 2.0}


def test_a_new_schedule_is_one_class():
    with SCHEDULES.replaced("square-root", SquareRoot):
        recipe = Recipe.build({**LINEAR, "schedule": {"name": "square-root", "scale": 3}})
        with pytest.raises(UsageError, match=r"unknown key 'schedule\.scael'; did you mean schedule\.scale"):
            Recipe.build({**LINEAR, "schedule": {"name": "square-root", "scael": 3}})
        plain = Recipe.build({**LINEAR, "schedule": "square-root"})
        assert plain.override({"schedule.name": "constant"}).schedule == Constant()
    assert recipe.schedule.learning_rate(1.0, 7, Horizon(7, 2)) == 0.5


def test_the_decorator_registers_under_a_name():
    with SCHEDULES.replaced("square-root-2", SquareRoot), pytest.raises(ValueError, match="registered twice"):
        schedule("square-root-2")(type("Copy", (SquareRoot,), {}))


def test_reading_a_recipe_imports_no_torch():
    code = "import sys; from assay.recipes.loader import read_recipe; read_recipe('fashion/cnn-bn').hash; "
    subprocess.run([sys.executable, "-c", code + "assert 'torch' not in sys.modules"], check=True)
