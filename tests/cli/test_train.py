"""`assay train`: a finished run, said for people and for scripts; and going on with one that is not finished."""

import json

import pytest

from assay.experiments.run import Run

QUIET = ("--threads", 1, "--no-mlflow")


def test_json_is_one_object_last_with_the_folder_and_every_set(bars_folder, assay):
    done = assay("train", "bars.yaml", "training.epochs=1", "optimizer.lr=0.01", "seed=7", "--json", *QUIET)
    assert done.code == 0
    told = json.loads(done.out.splitlines()[-1])
    run = Run.open(told["run"])
    assert told["sets"].keys() == {"validation", "test"}
    assert (told["sets"]["validation"]["n"], told["sets"]["test"]["n"]) == (200, 500)
    for name, entry in told["sets"].items():
        assert entry == {key: run.results[name][key] for key in entry}
        assert {"n", "accuracy", "interval", "loss", "seconds"} <= entry.keys()
        assert entry["interval"][0] <= entry["accuracy"] <= entry["interval"][1]
    recipe = run.recipe
    assert (recipe.optimizer.lr, recipe.seed, recipe.training.epochs) == (0.01, 7, 1)


def test_off_a_terminal_progress_is_plain_lines_on_standard_error(trained_once):
    lines = trained_once[1].err.splitlines()
    assert [line.split("  ")[0] for line in lines if line.startswith("epoch")] == ["epoch 1/2", "epoch 2/2"]
    assert all(line.strip() and "\x1b" not in line and "\r" not in line for line in lines)


def test_before_it_starts_it_says_what_it_will_do_and_cost(trained_once):
    said = trained_once[1].err
    assert "bars, 1,800 images to train on, 200 for validation; the test set waits for the end" in said
    assert "on cpu, 1 thread" in said
    assert "483 parameters, 0.00 M mult-adds per image; 2 epochs of 1,800 images" in said  # 4*(9+1) + 2*4 + 3*(4*36+1)


@pytest.mark.parametrize("words", ["bars/validation", "bars/test", "looked at 1 time", "figures: runs/bars/"])
def test_people_get_a_table_the_looks_and_the_pictures(trained_once, words):
    assert trained_once[1].code == 0
    assert words in trained_once[1].out


def test_runs_go_where_they_are_told_and_the_reports_figure_stands_beside(bars_folder, assay):
    with (bars_folder / "bars.yaml").open("a") as file:
        file.write("reported: {report: kth, accuracy: 0.71, note: on a Tuesday}\n")
    done = assay("train", "bars.yaml", "training.epochs=1", "--runs", "elsewhere", *QUIET)
    assert "the paper (kth) reports 71.00 %: on a Tuesday" in done.out
    assert len(list((bars_folder / "elsewhere").glob("bars/*/model.safetensors"))) == 1
    assert not (bars_folder / "runs").exists()


def test_a_finished_run_is_not_resumed(bars_run, assay):
    done = assay("train", "--resume", "latest", *QUIET)
    assert (done.code, done.out) == (2, "")
    assert f"is finished; see its results with: assay runs show {bars_run.folder}" in done.err


@pytest.mark.parametrize("words", [[], ["bars.yaml", "--resume", "latest"], ["--resume", "latest", "seed=1"]])
def test_a_recipe_or_a_run_to_resume_but_not_both(bars_folder, assay, words):
    done = assay("train", *words)
    assert done.code == 2
    assert "give a recipe" in done.err
