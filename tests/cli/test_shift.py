"""`assay shift`: the panel in the terminal and as JSON."""

import json

QUIET = ("--threads", "1", "--device", "cpu")


def test_it_says_what_differs_and_where_the_picture_is(bars_run, bars_photos, assay):
    done = assay("shift", "latest", bars_photos, *QUIET)
    assert done.code == 0
    assert "standardized difference" in done.out
    assert "matter" in done.out
    assert str(next((bars_run.folder / "figures").glob("shift-mine-*.png"))) in done.out
    assert "photos: the middle of each, shrunk with antialiasing" in done.out
    assert "look 1 at mine by this run" in done.out


def test_json_has_the_same_numbers(bars_run, bars_photos, assay):
    told = json.loads(assay("shift", "latest", bars_photos, "--no-antialias", "--squeeze", "--json", *QUIET).out)
    assert told["n"] == 30
    assert told["shrinking"] == "each squeezed to the net's proportions, to the nearest pixel"
    assert {one["statistic"] for one in told["differences"]} == {
        "sharpness",
        "high frequencies",
        "brightness",
        "contrast",
    }


def test_a_missing_folder_is_said(bars_run, assay):
    done = assay("shift", "latest", "nowhere", *QUIET)
    assert done.code == 2
    assert "there is no folder or table nowhere" in done.err
