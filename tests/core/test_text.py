"""A name from outside cannot break a line or turn its direction."""

from assay.core.text import escape_line


def test_a_name_is_printed_on_one_line_and_in_its_own_direction():
    assert escape_line("a\nb\u202egpj.exe\udc80é😀") == "a\\nb\\u202egpj.exe\\udc80é😀"
