"""`assay predict`: single pictures, as a table or as JSON."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def picture(bars_run):
    """A 64 x 48 color picture with a bright right third of its central square."""
    pixels = np.full((48, 64, 3), 60, np.uint8)
    pixels[:, 44:] = 170
    Image.fromarray(pixels).save("right.png")
    return "right.png"


def test_json_has_an_answer_for_each_picture(picture, assay):
    done = assay("predict", "latest", picture, picture, "--json")
    answers = json.loads(done.out)
    assert done.code == 0
    assert len(answers) == 2
    assert answers[0] == answers[1]
    assert (answers[0]["image"], answers[0]["class_name"]) == ("right.png", "right")
    assert sum(answers[0]["probabilities"].values()) == pytest.approx(1)
    assert answers[0]["probability"] == max(answers[0]["probabilities"].values())


def test_people_get_a_table(picture, assay):
    done = assay("predict", "latest", picture)
    assert "right.png" in done.out
    assert "%" in done.out


def test_a_text_file_named_png_is_an_error_that_names_it(picture, assay):
    Path("notes.png").write_text("these are only words")
    done = assay("predict", "latest", picture, "notes.png")
    assert (done.code, done.out) == (1, "")
    assert "notes.png: not an image that can be read" in done.err
    assert "Traceback" not in done.err


def test_a_missing_picture_is_an_error_that_names_it(bars_run, assay):
    done = assay("predict", "latest", "absent.png")
    assert done.code == 1
    assert "absent.png: there is no such file" in done.err
