"""Errors written for people, each with its exit code.

A message names what is wrong, where (file, line, key, image), and what to do. Any other exception is a defect of assay
itself and may show a traceback.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches


class AssayError(Exception):
    """A failure that the user can act on. Ends a command with exit code 1."""

    exit_code = 1


class UsageError(AssayError):
    """The request itself is wrong: an unknown name, key or value. Ends a command with exit code 2.

    `at` is the key of the recipe that is wrong, `("augment", 3)` for the fourth line of a list: see `error_section`.
    `Recipe.locate_errors` turns it into a file and line.
    """

    exit_code = 2

    def __init__(self, message: str, at: tuple[str | int, ...] = ()) -> None:
        super().__init__(message)
        self.at = at


@contextmanager
def error_section(*section: str | int) -> Iterator[None]:
    """Within it, a UsageError concerns this section of a recipe, which is put in front of its `at`."""
    try:
        yield
    except UsageError as error:
        error.at = (*section, *error.at)
        raise


class DataError(AssayError):
    """A data file is missing, damaged or not what its name promises."""


class ShapeError(UsageError):
    """A net whose layers do not fit together, or that does not fit the images."""


class NonFiniteError(AssayError):
    """Training reached a loss that is not finite."""


class Interrupted(AssayError):
    """The user stopped a run, which has been saved. Ends a command with exit code 130."""

    exit_code = 130


class MissingExtraError(AssayError):
    """An optional dependency is not installed."""

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(f"{feature} needs the extra '{extra}': pip install 'assay[{extra}]'")


def unknown(kind: str, name: str, names: Iterable[str], where: str = "") -> UsageError:
    """The error for an unknown name, with the nearest of the valid `names`; `where` is a file and line."""
    names = sorted(names)
    near = get_close_matches(name, names, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(names)}"
    place = f"{where}: " if where else ""
    return UsageError(f"{place}unknown {kind} '{name}'; {hint}")
