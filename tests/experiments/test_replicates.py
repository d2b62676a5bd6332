"""Groups: which runs a name stands for, and what is read of them."""

import shutil

import pytest

from assay.core.errors import UsageError
from assay.experiments.replicates import count_looks, find_group, read_group
from assay.experiments.run import Run


@pytest.fixture
def replicates(bars_run) -> list[Run]:
    """Three runs that say they had the seeds 0, 1 and 2."""
    return [bars_run, *(reseeded(bars_run, seed) for seed in (1, 2))]


def reseeded(run: Run, seed: int, suffix: str = "") -> Run:
    folder = run.folder.with_name(f"{run.folder.name[:-1]}{seed}{suffix}")
    shutil.copytree(run.folder, folder)
    copy = Run.open(folder)
    (folder / "recipe.yaml").write_text(run.recipe.override({"seed": seed}).to_yaml())
    return copy


def stem(run: Run) -> str:
    return run.name.rpartition("-s")[0]


def test_a_run_stands_for_itself(replicates):
    assert find_group(replicates[1].name) == [Run.find(replicates[1].name)]
    assert find_group(str(replicates[1].folder)) == [replicates[1]]


def test_a_name_without_its_seed_stands_for_all_replicates(replicates):
    for name in (stem(replicates[0]), stem(replicates[0]).rpartition("/")[2], "bars"):
        assert [run.name for run in find_group(name)] == [run.name for run in replicates]


def test_names_with_commas_stand_for_all_of_them(replicates):
    name = f"{replicates[0].name}, {replicates[2].name}"
    assert [run.recipe.seed for run in find_group(name)] == [0, 2]


def test_a_recipes_name_that_fits_several_recipes_is_refused_with_their_names(replicates):
    other = replicates[0].folder.with_name("bars-00000000-s0")
    shutil.copytree(replicates[0].folder, other)
    changed = replicates[0].recipe.override({"optimizer.lr": 0.5})
    (other / "recipe.yaml").write_text(changed.to_yaml())
    with pytest.raises(UsageError, match="'bars' fits runs of 2 recipes: bars/bars-00000000, bars/bars-"):
        find_group("bars")


def test_an_unknown_name_is_refused(replicates):
    with pytest.raises(UsageError, match="unknown run 'nobody'"):
        find_group("nobody")


def test_a_group_has_the_predictions_and_the_seed_of_each_run(replicates):
    group = read_group(replicates, "validation")
    assert (group.name, group.seeds) == (stem(replicates[0]), (0, 1, 2))
    assert {one.data for one in group.predictions} == {"bars/validation"}
    assert group.accuracies[0] == pytest.approx(replicates[0].results["validation"]["accuracy"])
    assert read_group(replicates[:1], "validation").name == replicates[0].name


def test_a_second_run_of_a_seed_is_no_replicate(replicates):
    again = reseeded(replicates[0], 1, "-2")
    assert read_group([*replicates, again], "validation").seeds == (0, 1, 2)
    assert again in find_group(stem(replicates[0]))


def test_a_run_that_is_not_finished_is_left_out(replicates):
    replicates[1].set_status(state="stopped")
    assert read_group(replicates, "validation").seeds == (0, 2)
    with pytest.raises(UsageError, match="has no predictions on validation images: it is not finished"):
        read_group(replicates[1:2], "validation")


def test_a_comparison_on_test_images_is_a_look_in_each_run_that_was_read(replicates):
    replicates[1].set_status(state="stopped")
    before = [run.looks_at("bars/test") for run in replicates]
    count_looks(replicates)
    assert [run.looks_at("bars/test") - n for run, n in zip(replicates, before, strict=True)] == [1, 0, 1]
    assert replicates[0].looks[-1]["by"] == "compare"


def test_a_recipes_name_with_several_slashes_finds_its_replicates(replicates):
    for run in replicates:
        folder = run.folder.parents[1] / "a-b" / run.folder.name
        shutil.copytree(run.folder, folder)
    assert [run.recipe.seed for run in find_group("a/b/bars")] == [0, 1, 2]


def test_runs_of_different_recipes_are_no_replicates(replicates):
    other = replicates[1].recipe.override({"optimizer.lr": 0.1})
    (replicates[1].folder / "recipe.yaml").write_text(other.to_yaml())
    with pytest.raises(UsageError, match="are not replicates: their recipes differ in more than the seed"):
        read_group(replicates, "validation")
