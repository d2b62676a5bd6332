"""`assay runs`: the runs so far."""

import json

from assay.core.files import atomic_write
from assay.experiments.run import Run


def test_list_gives_every_run_with_state_accuracy_and_looks(bars_run, assay):
    (row,) = [line for line in assay("runs", "list").out.splitlines() if bars_run.name in line]
    assert "finished" in row
    assert f"{bars_run.results['test']['accuracy'] * 100:.2f} % [" in row
    assert row.rstrip().endswith(" 1")


def test_without_runs_list_says_how_to_make_one(bars_folder, assay):
    done = assay("runs", "list")
    assert (done.code, done.out) == (0, "no runs in runs yet; train one with: assay train fashion/cnn-bn\n")


def test_a_run_that_was_only_begun_is_listed_too(bars_folder, recipe, assay):
    run = Run.create(recipe)
    assert run.name in assay("runs", "list").out
    assert f"{run.name}: not begun" in assay("runs", "show", run.name).out


def test_show_gives_recipe_state_and_results(bars_run, assay):
    said = assay("runs", "show", "latest").out
    for words in ("conv 4 3x3", "finished after 2 epochs", "bars/test", "looked at 1 time"):
        assert words in said


def test_show_says_by_what_the_weights_were_chosen(bars_run, recipe, assay):
    assert "best weights from epoch" in assay("runs", "show", "latest").out
    unchosen = recipe.override({"stopping.restore_best": False})
    atomic_write(bars_run.folder / "recipe.yaml", unchosen.to_yaml())
    assert "finished after 2 epochs; weights of the last epoch" in assay("runs", "show", "latest").out


def test_show_json_is_one_object(bars_run, assay):
    told = json.loads(assay("runs", "show", "latest", "--json").out)
    assert (told["run"], told["state"]) == (str(bars_run.folder), "finished")
    assert told["sets"]["test"]["n"] == 500


def test_a_failed_run_says_why(bars_run, assay):
    bars_run.set_status(state="failed", reason="the loss became nan")
    assert ": the loss became nan" in assay("runs", "show", "latest").out
