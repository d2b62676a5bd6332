"""Confounds: what a plan says about itself before it starts."""

from assay.recipes.loader import read_recipe
from assay.studies.confounds import find_confounds
from assay.studies.variant import Variant


def messages(before, after, count_parameters=lambda recipe: 1):
    findings = find_confounds([Variant("a", before), Variant("b", after, "a")], count_parameters)
    return [str(finding) for finding in findings]


def test_one_change_draws_no_warning(recipe):
    assert messages(recipe, recipe.override({"optimizer.lr": 0.1})) == []
    assert messages(recipe, recipe.override({"seed": 3, "name": "other"})) == []


def test_two_changes_at_once_are_named(recipe):
    (text,) = messages(recipe, recipe.override({"optimizer.lr": 0.1, "augment": []}))
    assert text.startswith("b changes 2 things at once (augment, optimizer.lr)")


def test_another_optimizer_with_its_own_keys_is_one_change(recipe):
    assert messages(recipe, recipe.override({"optimizer.name": "adam"})) == []


def test_another_batch_size_at_equal_epochs_offers_equal_updates(recipe):
    (text,) = messages(recipe, recipe.override({"training.batch_size": 128}))
    assert "32 to 128" in text
    assert "training.epochs: 12" in text  # 3 epochs times 4


def test_unequal_budgets_are_named(recipe):
    assert messages(recipe, recipe.override({"training.epochs": 9})) == [
        "b has a different budget: 9 epochs instead of 3"
    ]


def test_other_filter_sizes_that_change_the_parameters_are_named():
    def parameters(recipe):
        return {"kth/4.A.2": 965_642, "kth/4.B": 708_106}[recipe.name]

    found = messages(read_recipe("kth/4.A.2"), read_recipe("kth/4.B"), parameters)
    assert found == ["b changes the filter size and with it the number of parameters, 965,642 to 708,106"]


def test_what_builds_on_nothing_is_not_compared(recipe):
    other = recipe.override({"optimizer.lr": 0.1, "augment": []})
    assert find_confounds([Variant("a", recipe), Variant("b", other)], lambda recipe: 1) == []
