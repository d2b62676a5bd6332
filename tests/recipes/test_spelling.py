"""British words, and the names of assay 0.1, are read and written back in American spelling."""

import pytest

from assay.recipes.recipe import Recipe
from assay.recipes.spelling import american, american_key, american_word

LINEAR = {"model": {"layers": ["flatten", "linear 10"]}}


@pytest.mark.parametrize(
    ("british", "word"),
    [
        ("optimiser", "optimizer"),
        ("normalise", "normalize"),
        ("centred", "centered"),
        ("drops", "piecewise"),
        ("unnormalised-test", "unnormalized-test"),
        ("colour-free", "colour-free"),
        (3, 3),
        (None, None),
    ],
)
def test_each_word(british, word):
    assert american_word(british) == word


def test_dotted_keys_and_nested_values():
    assert american_key("optimiser.lr") == "optimizer.lr"
    assert american({"optimiser": {"lr": 1}, "faults": ("unnormalised-test",)}) == {
        "optimizer": {"lr": 1},
        "faults": ["unnormalized-test"],
    }


@pytest.mark.parametrize(
    ("values", "key", "value"),
    [
        ({"optimiser": {"name": "adam", "lr": 0.1}}, "optimizer", "adam"),
        ({"preprocess": {"normalise": "train"}}, "preprocess", "train"),
        ({"preprocess": {"scale": "centred"}}, "preprocess", "centered"),
        ({"schedule": {"name": "drops", "at": {3: 0.1}}}, "schedule", "piecewise"),
        ({"faults": ["unnormalised-test"]}, "faults", "unnormalized-test"),
    ],
)
def test_a_recipe_of_version_0_1_reads(values, key, value):
    text = str(Recipe.build({**LINEAR, **values}).model_dump(mode="json")[key])
    assert value in text


def test_an_override_may_be_british(recipe):
    assert recipe.override({"optimiser.lr": 0.5}).optimizer.lr == 0.5


def test_an_error_about_a_british_key_has_its_line():
    places = {("optimiser",): "a.yaml:3", ("optimiser", "lr"): "a.yaml:4"}
    with pytest.raises(Exception, match=r"^a\.yaml:4: optimizer\.lr: input should be greater than 0"):
        Recipe.build({**LINEAR, "optimiser": {"name": "sgd", "lr": -1}}, places)
