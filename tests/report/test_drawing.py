"""Text that can always be drawn."""

import pytest

from assay.report.drawing import readable


def test_plain_text_stays_as_it_is():
    assert readable("T-shirt/top, Größe 5 Ωмή") == "T-shirt/top, Größe 5 Ωмή"


def test_a_character_without_a_glyph_becomes_its_code():
    assert readable("\U0010fffd") == "U+10FFFD"


def test_lines_and_spaces_are_joined():
    assert readable(" a\n\tb  c ") == "a b c"


def test_dollars_are_escaped():
    assert readable("$x$") == r"\$x\$"


@pytest.mark.parametrize(("text", "expected"), [("abcdef", "abcdef"), ("abcdefg", "abcde…")])
def test_long_text_ends_in_an_ellipsis(text, expected):
    assert readable(text, 6) == expected
