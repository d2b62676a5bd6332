"""LoadedData one line of a net: the words after the layer's name, taken one by one.

What the layers are is said in `layers.py`; here is only how their arguments are read and what is said of a wrong one.
"""

from math import isfinite
from typing import TypeVar

from assay.core.errors import UsageError, unknown

N = TypeVar("N", int, float)
LARGEST = 1_000_000  # of any whole number: the counts of a layer then stay within 64 bits


class LayerArgs:
    """The arguments of one layer line. What is left over when the layer has taken its own is an error."""

    def __init__(self, line: str) -> None:
        self.layer, *self._left = line.split()
        self._known: list[str] = []

    def number(self, what: str, kind: type[N], default: N | None = None) -> N:
        """The next word as a number; `what` says what it is for. Raises UsageError."""
        # A word is only taken as this number if it looks like one: an optional number may be followed by a keyword.
        if self._left and (default is None or not self._left[0].isalpha()):
            return _number(self._left.pop(0), what, kind)
        if default is None:
            raise UsageError(f"'{self.layer}' needs {what}")
        return default

    def kernel(self) -> tuple[int, int]:
        """The next word, `5x3`, as (height, width). Raises UsageError."""
        word = self._left.pop(0) if self._left else ""
        sides = word.split("x")
        if len(sides) != 2 or not all(side.isdecimal() for side in sides):
            given = f"not '{word}'" if word else "and there is none"
            raise UsageError(f"'{self.layer}' needs a kernel written like 5x5, {given}")
        return _number(sides[0], "a kernel", int), _number(sides[1], "a kernel", int)

    def choice(self, *options: str) -> str:
        """Whichever of the words `options` is there, else the first of them."""
        self._known += options
        given = [word for word in self._left if word in options]
        if len(given) > 1:
            raise UsageError(f"'{self.layer}' takes one of {', '.join(options)}, not both {' and '.join(given)}")
        if given:
            self._left.remove(given[0])
        return given[0] if given else options[0]

    def flag(self, name: str) -> bool:
        """Whether the word is there."""
        self._known.append(name)
        if name not in self._left:
            return False
        self._left.remove(name)
        return True

    def after(self, name: str, default: N) -> N:
        """The number behind the word `name`, as in `stride 2`. Raises UsageError."""
        self._known.append(name)
        if name not in self._left:
            return default
        i = self._left.index(name)
        if i + 1 == len(self._left):
            raise UsageError(f"'{name}' needs a number behind it")
        number = _number(self._left[i + 1], name, type(default))
        del self._left[i : i + 2]
        return number

    def end(self) -> None:
        """Raises UsageError if a word is left, with the nearest that the layer knows."""
        if not self._left:
            return
        if self._known:
            raise unknown(f"argument of '{self.layer}':", self._left[0], self._known)
        raise UsageError(f"'{self.layer}' takes no further argument (given: '{' '.join(self._left)}')")


def _number(word: str, what: str, kind: type[N]) -> N:
    try:
        value = kind(word)
    except ValueError:
        sort = "a whole number" if kind is int else "a number"
        raise UsageError(f"{what} must be {sort} (given: '{word}')") from None
    if kind is int and not 1 <= value <= LARGEST:
        raise UsageError(f"{what} must be from 1 to {LARGEST:,} (given: {word})")
    if not isfinite(value):
        raise UsageError(f"{what} must be finite (given: {word})")
    return value
