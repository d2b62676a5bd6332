"""Marks in tables: faults and used images are red, bold or plain, as the format and the terminal allow."""

import pytest

from assay.report.tables.formats import format_note, format_table

NAMES = ("cnn [FAULTY: no-shuffle]", "cnn [USED IN TRAINING: 40 of 60 images]")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("fmt", "start"), [("text", "\x1b[1;31m["), ("markdown", "**["), ("latex", r"\textcolor{red}{[")]
)
def test_marks_stand_out_in_every_format(name, fmt, start, monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    for text in (format_table(["name"], [[name]], fmt), format_note(name, fmt)):
        assert f"cnn {start}" in text


@pytest.mark.parametrize("name", NAMES)
def test_text_is_plain_where_color_is_not_wanted(name, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    assert format_note(name, "text") == name
    assert name in format_table(["name"], [[name]], "text").splitlines()
