"""`assay evaluate`: a further look, counted, with the very numbers that the run itself found."""

import json

from assay.data.sources import SOURCES
from assay.data.sources.source import Source

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


def test_another_data_sets_test_images_get_a_name_of_their_own(bars_run, assay, monkeypatch):
    bars: Source = SOURCES["bars"]
    monkeypatch.setitem(SOURCES._things, "tiles", bars)
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
