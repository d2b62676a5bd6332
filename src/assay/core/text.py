"""Text helpers for messages and reports."""

from unicodedata import category

_ESCAPED_CATEGORIES = {"Cc", "Cf", "Cs", "Zl", "Zp"}  # control, format (right-to-left marks), surrogate, line breaks
_ZERO_WIDTH_JOINER = "\u200d"  # a part of many emoji


def escape_line(text: str) -> str:
    """The text on one printable line: line breaks, control and direction marks and undecodable bytes are escaped."""
    return "".join(_escape(character) for character in text)


def _escape(character: str) -> str:
    if character == _ZERO_WIDTH_JOINER or category(character) not in _ESCAPED_CATEGORIES:
        return character
    return repr(character)[1:-1]
