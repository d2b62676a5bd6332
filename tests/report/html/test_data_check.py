"""The page of a check holds what was found, escapes what a stranger wrote, and needs no other file."""

import re
import shutil

import numpy as np
import pytest
from PIL import Image

from assay.data.folders.folder import open_folder
from assay.report.html.data_check import check_page


@pytest.fixture
def photos(tmp_path, monkeypatch):
    monkeypatch.setenv("ASSAY_DATA", str(tmp_path / "root"))
    generator = np.random.default_rng(0)
    for place in ("train/cat", "train/dog", "test/cat"):
        (tmp_path / "photos" / place).mkdir(parents=True)
        for i in range(12):
            pixels = generator.integers(0, 256, (24, 24, 3), np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / place / f"{i}.png")
    return tmp_path / "photos"


def page(folder):
    return check_page(open_folder(folder, (3, 16, 16), 1.0), folder.name)


def test_it_shows_counts_classes_and_no_finding_where_there_is_none(photos):
    html = page(photos)
    assert "<b>36</b>images" in html
    assert "train 12, test 12" in html
    assert not re.search("<h2[^>]*>(Leaks|Near-duplicates|Bad files|Suspicious)", html)
    assert html.count('<img src="data:image/jpeg;base64,') == 10 + 10  # of each class


def test_every_finding_is_on_it_with_pictures(photos):
    shutil.copy(photos / "train/cat/1.png", photos / "test/cat/again.png")
    shutil.copy(photos / "train/cat/2.png", photos / "train/dog/again.png")
    shutil.copy(photos / "train/cat/3.png", photos / "train/cat/again.png")
    Image.new("RGB", (40, 40)).save(photos / "train/cat/black.png")
    (photos / "train/cat/bad.png").write_bytes(b"")
    html = page(photos)
    titles = re.findall("<h2[^>]*>([^<]*)", html)
    assert titles[:3] == ["Leaks", "One picture, several classes", "Near-duplicates"]
    assert titles[3:5] == ["Bad files, left out", "Suspicious, used all the same"]
    assert "test/cat/again.png" in html
    assert "train/cat/black.png: all of one color" in html
    assert re.search(r"train/cat/bad\.png</td><td>an empty file", html)


def test_names_are_escaped(photos):
    (photos / 'train/<script>alert(1)<!-- & "x"\u202e').mkdir()
    shutil.copy(photos / "train/cat/1.png", photos / 'train/<script>alert(1)<!-- & "x"\u202e/<b>.png')
    html = page(photos)
    assert "<script" not in html
    assert "<b>." not in html
    assert "\u202e" not in html
    assert "&lt;script&gt;alert(1)&lt;!-- &amp; &#34;x&#34;\\u202e" in html


def test_it_needs_no_other_file(photos):
    assert not re.search(r"(src|href)=\"(?!data:)|url\(|@import", page(photos))
