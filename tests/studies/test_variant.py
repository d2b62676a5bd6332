"""Variants: their names, their folders, and how two recipes differ."""

import pytest

from assay.core.errors import UsageError
from assay.recipes.loader import read_recipe
from assay.studies.variant import Variant, check_names, differences, label


def test_a_label_has_the_last_word_of_each_key_and_its_value():
    values = {"optimizer.lr": 0.01, "training.batch_size": 64, "augment": ["flip", "crop 2"]}
    assert label(values) == "lr=0.01 batch_size=64 augment=flip+crop 2"


def test_a_label_of_a_name_has_the_name_of_its_section():
    assert label({"optimizer.name": "adam"}) == "optimizer=adam"


def test_a_label_of_a_section_has_its_values():
    assert label({"optimizer": {"name": "sgd", "momentum": 0.5}}) == "optimizer=sgd:0.5"


def test_keys_with_one_last_word_are_written_in_full():
    assert label({"optimizer.name": "adam", "optimizer": 1}) == "optimizer.name=adam optimizer=1"


def test_a_slug_is_a_name_for_a_folder(recipe):
    assert Variant("lr=0.01 a/b: c", recipe).slug == "lr-0.01-a-b-c"


@pytest.mark.parametrize(
    ("names", "message"),
    [(["a b", "a/b"], "would share the folder name a-b"), (["///"], "does not work as a folder name")],
)
def test_names_that_would_share_a_folder_or_have_none_are_refused(recipe, names, message):
    with pytest.raises(UsageError, match=message):
        check_names([Variant(name, recipe) for name in names])


def test_differences_are_keys_with_both_values(recipe):
    assert differences(recipe, recipe.override({"optimizer.lr": 0.1, "seed": 9})) == {"optimizer.lr": (0.05, 0.1)}
    filters = differences(read_recipe("kth/3.2"), read_recipe("kth/4.A.1"))
    assert filters == {"model.arguments.filters": (None, [64, 128, 256])}


def test_values_do_not_make_variants_differ(recipe):
    assert Variant("a", recipe, values={"optimizer.lr": 0.1}) == Variant("a", recipe)
