"""`assay compare`: a table and a sentence for people, JSON for programs, and what cannot be compared."""

import json

import pytest

QUIET = ("--threads", 1, "--no-mlflow")


@pytest.fixture
def two_recipes(bars_folder, assay) -> tuple[str, str]:
    """Two runs each of two learning rates, one of them too small to learn with."""
    for seed in (0, 1):
        for lr in (0.05, 1e-9):
            assert assay("train", "bars.yaml", f"seed={seed}", f"optimizer.lr={lr}", *QUIET).code == 0
    stems = {path.name.rpartition("-s")[0]: path for path in (bars_folder / "runs" / "bars").iterdir()}
    return tuple(sorted(stems, key=lambda stem: "lr: 0.05" not in (stems[stem] / "recipe.yaml").read_text()))


def test_people_read_a_table_and_what_follows(two_recipes, assay):
    good, bad = two_recipes
    done = assay("compare", good, bad)
    assert done.code == 0
    assert f"bars/{bad} - bars/{good}: " in done.out
    assert "2 vs 2" in done.out


def test_json_has_every_number(two_recipes, assay):
    good, bad = two_recipes
    (found,) = json.loads(assay("compare", bad, good, "--format", "json").out)
    assert found["difference"] > 0.2
    assert found["seeds"]["kind"] == "paired"
    assert found["data"] == "bars/validation"


def test_a_comparison_on_test_images_is_counted(two_recipes, assay):
    good, bad = two_recipes
    done = assay("compare", good, bad, "--on", "test", "--format", "csv")
    assert done.code == 0
    assert "looked at 2 times" in assay("runs", "show", f"{good}-s0").out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("one",), "give at least two runs"),
        (("nobody", "noone"), "unknown run 'nobody'"),
    ],
)
def test_what_cannot_be_compared_is_a_usage_error(two_recipes, assay, words, message):
    done = assay("compare", *words)
    assert done.code == 2
    assert message in done.err


def test_the_same_runs_twice_are_refused(two_recipes, assay):
    done = assay("compare", two_recipes[0], two_recipes[0])
    assert (done.code, "the same runs are given twice" in done.err) == (2, True)


def test_runs_with_other_validation_images_are_refused(two_recipes, assay):
    assert assay("train", "bars.yaml", "data.split_seed=1", *QUIET).code == 0
    done = assay("compare", f"{two_recipes[0]}-s0", "latest")
    assert done.code == 1
    assert "were evaluated on different images of bars/validation" in done.err
    assert "data.split_seed" in done.err


def test_an_unknown_set_of_images_is_refused(two_recipes, assay):
    done = assay("compare", *two_recipes, "--on", "tset")
    assert (done.code, "did you mean test" in done.err) == (2, True)
