"""A study at reduced scale shortens every count of epochs in proportion, or is refused."""

import re
from collections.abc import Iterator
from typing import Any, get_args

import pytest

from assay.core.errors import UsageError
from assay.data.augment.registry import AUGMENTATIONS
from assay.recipes.epochs import epoch_count
from assay.recipes.loader import read_recipe
from assay.recipes.named_sections import LOSSES, OPTIMIZERS, SCHEDULES
from assay.recipes.recipe import Recipe
from assay.recipes.schema import Data, Model, Preprocessing, Section, Stopping, Training
from assay.studies.cost import cost
from assay.studies.plans import PLANS
from assay.studies.scaling import Scale
from assay.studies.spec import StudySpec, read_study

SECTIONS = [
    *(Recipe, Data, Preprocessing, Model, Training, Stopping),
    *(registry[name] for registry in (SCHEDULES, OPTIMIZERS, LOSSES, PLANS) for name in registry.names()),
]

# Whole numbers that are no epochs. A new key with whole numbers is added here, or marked with STAGE or LENGTH.
NO_EPOCHS = {
    "Recipe": {"test_views", "seed"},
    "Data": {"split_seed", "fold", "size"},
    "Preprocessing": {"resize", "crop"},
    "Training": {"batch_size", "views"},
    "Random": {"draws", "seed"},
    "Halving": {"draws", "seed", "reduction"},
    "Asha": {"draws", "seed", "reduction"},
}
EPOCHS = {
    "Training": {"epochs"}, "Stopping": {"patience"}, "Model": {"unfreeze"}, "Muon": {"whitening_epochs"},
    "Step": {"every", "warmup_epochs"}, "Piecewise": {"at", "warmup_epochs"}, "Plateau": {"patience", "warmup_epochs"},
    "Constant": {"warmup_epochs"}, "Cosine": {"warmup_epochs"}, "Linear": {"warmup_epochs"}, "Halving": {"grace"},
    "Asha": {"grace"},
}  # fmt: skip


def has_whole_numbers(annotation: Any) -> bool:
    """Whether a value of this type may hold an int: itself, as a literal, in a union, or as a key of a dict."""
    if isinstance(annotation, int) and not isinstance(annotation, bool):
        return True
    return annotation is int or any(map(has_whole_numbers, get_args(annotation)))


def fields(kind: type[Section]) -> Iterator[tuple[str, bool, bool]]:
    """Name, whether the field is marked, and whether it could count epochs."""
    for name, field in kind.model_fields.items():
        may_count = has_whole_numbers(field.annotation) or "epoch" in name
        yield name, epoch_count(field) is not None, may_count


@pytest.mark.parametrize("kind", SECTIONS, ids=lambda kind: kind.__name__)
def test_every_whole_number_of_the_schema_is_marked_as_epochs_or_known_to_be_none(kind):
    marked = {name for name, is_marked, _ in fields(kind) if is_marked}
    unmarked = {name for name, is_marked, may_count in fields(kind) if may_count and not is_marked}
    assert unmarked == NO_EPOCHS.get(kind.__name__, set())
    assert marked == EPOCHS.get(kind.__name__, set())


@pytest.mark.parametrize("name", AUGMENTATIONS.names())
def test_an_augmentation_writes_its_epochs_so_that_they_are_found(name):
    form = AUGMENTATIONS[name].form.split(",")[0]
    assert "epoch" not in form or re.search(r"\bepochs N", form)


def recipe_of(**changes: Any) -> Recipe:
    return read_recipe("fashion/cnn").override({"training.epochs": 30, **changes})


@pytest.mark.parametrize("share", [0.25, 0.04])
def test_a_scaled_recipe_has_that_share_of_the_work(share):
    whole = read_recipe("kth/3.2").override({"data.validation": 0.1})
    small = Scale(share).recipe(whole)
    assert small.training.epochs == 300 * share**0.5
    assert cost(small).flop == pytest.approx(share * cost(whole).flop, rel=0.01)
    assert small.data.validation == whole.data.validation


@pytest.mark.parametrize(
    ("changes", "key", "expected"),
    [
        ({"schedule": {"name": "cosine", "warmup_epochs": 5}}, "schedule.warmup_epochs", 0.5),
        ({"schedule": {"name": "step", "every": 10}}, "schedule.every", 1),
        ({"schedule": {"name": "piecewise", "at": {10: 0.1, 20: 0.01}}}, "schedule.at", {1: 0.1, 2: 0.01}),
        ({"schedule": {"name": "plateau", "patience": 10}}, "schedule.patience", 1),
        ({"schedule": {"name": "plateau", "patience": 0}}, "schedule.patience", 0),
        ({"stopping.patience": 20}, "stopping.patience", 2),
        ({"stopping.patience": 100}, "stopping.patience", 10),
        ({"augment": ["flip", "window 24 epochs 12", "crop 2"]}, "augment", ["flip", "window 24 epochs 1", "crop 2"]),
        ({"augment": ["window 24 epochs 29"]}, "augment", ["window 24 epochs 2"]),  # the last epoch has whole images
        ({"optimizer": {"name": "muon", "lr": 0.2, "bias_lr": 1, "head_lr": 1, "whitening_epochs": 20}},
         "optimizer.whitening_epochs", 2),
        ({"model": {"name": "mobilenet_v2", "train_only": "head", "unfreeze": {10: "last-conv", 20: "all"}}},
         "model.unfreeze", {1: "last-conv", 2: "all"}),
    ],
)  # fmt: skip
def test_a_count_of_epochs_is_shortened_with_the_run(changes, key, expected):
    small = Scale(0.01).recipe(recipe_of(**changes))
    assert small.training.epochs == 3
    value: Any = small.model_dump(mode="json")
    for part in key.split("."):
        value = value[part]
    expected = {str(epoch): entry for epoch, entry in expected.items()} if isinstance(expected, dict) else expected
    assert ({str(epoch): entry for epoch, entry in value.items()} if isinstance(value, dict) else value) == expected


@pytest.mark.parametrize(
    ("changes", "share", "key"),
    [
        ({"schedule": {"name": "piecewise", "at": {10: 0.1, 11: 0.01}}}, 0.01, "schedule.at"),
        ({"augment": ["window 24 epochs 10"]}, 0.001, "augment"),
        ({"schedule": {"name": "step", "every": 10}}, 0.001, "schedule.every"),
        ({"model": {"name": "mobilenet_v2", "train_only": "head", "unfreeze": {10: "all"}}}, 0.001, "model.unfreeze"),
    ],
)
def test_a_scale_at_which_a_stage_is_lost_is_refused(changes, share, key):
    with pytest.raises(UsageError, match=f"at scale {share:g}, .*too few for the stages of {key}; choose a larger"):
        Scale(share).recipe(recipe_of(**changes))


def test_a_scaled_schedule_of_a_published_recipe_is_shortened_alike():
    piecewise = Scale(0.25).recipe(read_recipe("own-photos/imp1"))
    assert (piecewise.training.epochs, piecewise.schedule.at) == (30, {15: 0.0003, 22: 0.0001})
    assert Scale(0.25).recipe(read_recipe("fashion/tuned-adam")).schedule.every == 5


def test_the_whole_scale_changes_nothing():
    recipe = read_recipe("kth/3.2")
    assert Scale(1.0).recipe(recipe) is recipe


def study_of(plan: dict[str, Any], share: float, **changes: Any) -> StudySpec:
    base = recipe_of(**changes).model_dump(mode="json")
    return StudySpec.model_validate({"name": "short", "base": base, "scale": share, "plan": plan})


def test_the_epochs_that_a_step_of_a_ladder_sets_are_shortened_too():
    spec = study_of({"name": "ladder", "steps": {"longer": {"training.epochs": 60}}}, 0.01)
    assert [variant.recipe.training.epochs for variant in spec.variants({})] == [3, 6]


def test_epochs_that_are_what_varies_stay_as_written_with_fewer_images():
    spec = study_of({"name": "grid", "over": {"training.epochs": [10, 20]}}, 0.01, **{"stopping.patience": 5})
    recipes = [variant.recipe for variant in spec.variants({})]
    assert [(recipe.training.epochs, recipe.stopping.patience) for recipe in recipes] == [(10, 5), (20, 5)]
    assert [recipe.data.share for recipe in recipes] == pytest.approx([0.1, 0.1])


def test_values_that_the_scale_makes_equal_are_refused():
    spec = study_of({"name": "grid", "over": {"stopping.patience": [3, 5]}}, 0.01)
    with pytest.raises(UsageError, match=r"at scale 0\.01, 'patience=3' and 'patience=5' are the same run"):
        spec.variants({})


def test_a_search_begins_with_a_shortened_grace():
    over = {"optimizer.lr": [0.1, 0.01, 0.001, 0.0001]}
    plan = {"name": "halving", "grace": 40, "reduction": 2, "draws": 4, "over": over}
    spec = study_of(plan, 0.01, **{"training.epochs": 80, "stopping.patience": 30})
    rung = spec.variants({})
    assert {(variant.recipe.training.epochs, variant.recipe.stopping.patience) for variant in rung} == {(4, 3)}
    both = spec.variants({variant.name: i for i, variant in enumerate(rung)})
    assert [variant.recipe.training.epochs for variant in both] == [4] * 4 + [8] * 2


def test_the_studies_of_the_papers_are_shortened_without_two_equal_runs():
    for name in ("kth", "fashion", "mlflow-grid", "own-photos", "transfer", "transfer-epochs", "transfer-wishes"):
        assert read_study(name, {"scale": 0.01}).variants({})
