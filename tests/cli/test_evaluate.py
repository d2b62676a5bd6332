"""`assay evaluate`: a further look, counted, with the very numbers that the run itself found."""

import json

from assay.data.datasets.registry import DATASETS

QUIET = ("--threads", 1)


def test_a_further_look_is_counted_and_finds_the_same(bars_run, assay):
    first = bars_run.results["test"]
    done = assay("evaluate", "latest", "--json", *QUIET)
    assert done.code == 0
    told = json.loads(done.out.splitlines()[-1])
    assert told["run"] == str(bars_run.folder)
    entry = told["sets"]["bars/test"]
    assert {key: entry[key] for key in ("n", "accuracy", "interval", "loss")} == {
        key: first[key] for key in ("n", "accuracy", "interval", "loss")
    }
    assert (first["look"], entry["look"]) == (1, 2)
    assert [look["by"] for look in bars_run.looks] == ["train", "evaluate"]


def test_people_read_which_look_it_was_and_every_class(bars_run, assay):
    done = assay("evaluate", bars_run.folder, *QUIET)
    for words in ("look 2 at bars/test by this run; the first is the one to report", "left", "middle", "right"):
        assert words in done.out


def test_validation_is_not_a_look(bars_run, assay):
    before = bars_run.looks
    told = json.loads(assay("evaluate", "latest", "--data", "validation", "--json", *QUIET).out)
    assert "look" not in told["sets"]["bars/validation"]
    assert told["sets"]["bars/validation"]["loss"] == bars_run.results["validation"]["loss"]
    assert bars_run.looks == before


def test_another_data_sets_test_images_get_a_name_of_their_own(bars_run, assay):
    with DATASETS.replaced("tiles", DATASETS["bars"]):
        told = json.loads(assay("evaluate", "latest", "--data", "tiles", "--json", *QUIET).out)
    assert told["sets"]["tiles/test"]["look"] == 1
    assert (bars_run.folder / "predictions" / "tiles-test.npz").is_file()


def test_an_unknown_run_shows_the_nearest(bars_run, assay):
    done = assay("evaluate", f"{bars_run.name[:-1]}9", *QUIET)
    assert done.code == 2
    assert f"did you mean {bars_run.name}?" in done.err


def test_an_unknown_data_set_shows_the_nearest_and_is_no_look(bars_run, assay):
    before = bars_run.looks
    done = assay("evaluate", "latest", "--data", "cifar-10", *QUIET)
    assert done.code == 2
    assert "unknown data set 'cifar-10'; did you mean cifar10?" in done.err
    assert bars_run.looks == before


def test_corrupted_copies_of_the_test_set_are_one_look_and_have_their_own_files(bars_run, assay, monkeypatch):
    monkeypatch.setattr("assay.evaluation.robustness.corruption_names", lambda channels: ["fog", "jpeg"])
    results = bars_run.results
    done = assay("evaluate", "latest", "--corruptions", *QUIET)
    assert "mean error over 2 corruptions x 5 severities" in done.out
    assert "look 2 at bars/test by this run" in done.out
    assert bars_run.looks[-1]["by"] == "evaluate --corruptions"
    folder = bars_run.folder
    assert len(list((folder / "predictions" / "corrupted-test").glob("*.npz"))) == 11
    assert (folder / "figures" / "corrupted-test.png").is_file()
    told = json.loads(assay("evaluate", "latest", "--corruptions", "--json", *QUIET).out)
    kept = json.loads((folder / "corrupted-test-2.json").read_text())
    assert kept["mean_error"] == told["mean_error"]
    assert bars_run.results == results


def test_validation_images_are_not_corrupted(bars_run, assay):
    before = bars_run.looks
    done = assay("evaluate", "latest", "--data", "validation", "--corruptions", *QUIET)
    assert done.code == 2
    assert "corruptions are for test sets" in done.err
    assert bars_run.looks == before
