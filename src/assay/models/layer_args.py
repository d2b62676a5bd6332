"""Reading the arguments of one layer line, word by word. What they mean is up to each layer: `layers.py`."""

from math import isfinite
from typing import TypeVar

from assay.core.errors import UsageError, unknown

N = TypeVar("N", int, float)
LARGEST = 1_000_000  # whole number; keeps the counts of a layer within 64 bits


class LayerArgs:
    """The arguments of one layer line. A word that the layer does not take is an error."""

    def __init__(self, line: str) -> None:
        self.layer, *self._words = line.split()
        self._keywords: list[str] = []

    def number(self, purpose: str, kind: type[N], default: N | None = None) -> N:
        """The next word as a number. purpose: for the message, `a number of filters`. Raises UsageError."""
        # Only a word that looks like a number is taken: an optional number may be followed by a keyword.
        if self._words and (default is None or not self._words[0].isalpha()):
            return _number(self._words.pop(0), purpose, kind)
        if default is None:
            raise UsageError(f"'{self.layer}' needs {purpose}")
        return default

    def kernel(self) -> tuple[int, int]:
        """The next word, `5x3`, as (height, width). Raises UsageError."""
        word = self._words.pop(0) if self._words else ""
        sides = word.split("x")
        if len(sides) != 2 or not all(side.isdecimal() for side in sides):
            detail = f"not '{word}'" if word else "and there is none"
            raise UsageError(f"'{self.layer}' needs a kernel written like 5x5, {detail}")
        return _number(sides[0], "a kernel", int), _number(sides[1], "a kernel", int)

    def choice(self, *options: str) -> str:
        """The option that the line names, by default the first. Raises UsageError for two options."""
        self._keywords += options
        matches = [word for word in self._words if word in options]
        if len(matches) > 1:
            raise UsageError(f"'{self.layer}' takes one of {', '.join(options)}, not both {' and '.join(matches)}")
        if not matches:
            return options[0]
        self._words.remove(matches[0])
        return matches[0]

    def flag(self, name: str) -> bool:
        """Whether the line has this word."""
        self._keywords.append(name)
        if name not in self._words:
            return False
        self._words.remove(name)
        return True

    def after(self, name: str, default: N) -> N:
        """The number after the word `name`, as in `stride 2`. Raises UsageError."""
        self._keywords.append(name)
        if name not in self._words:
            return default
        i = self._words.index(name)
        if i + 1 == len(self._words):
            raise UsageError(f"'{name}' needs a number behind it")
        number = _number(self._words[i + 1], name, type(default))
        del self._words[i : i + 2]
        return number

    def end(self) -> None:
        """Check that no word is left. Raises UsageError with the nearest keywords of the layer."""
        if not self._words:
            return
        if self._keywords:
            raise unknown(f"argument of '{self.layer}':", self._words[0], self._keywords)
        raise UsageError(f"'{self.layer}' takes no further argument (given: '{' '.join(self._words)}')")


def _number(word: str, purpose: str, kind: type[N]) -> N:
    try:
        value = kind(word)
    except ValueError:
        sort = "a whole number" if kind is int else "a number"
        raise UsageError(f"{purpose} must be {sort} (given: '{word}')") from None
    if kind is int and not 1 <= value <= LARGEST:
        raise UsageError(f"{purpose} must be from 1 to {LARGEST:,} (given: {word})")
    if not isfinite(value):
        raise UsageError(f"{purpose} must be finite (given: {word})")
    return value
