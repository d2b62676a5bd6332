"""The Listing: the images of a folder by name, each with its class and part, before any of them is opened.

Which layouts there are and how they are read: `layouts`.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from unicodedata import normalize

Part = Literal["train", "validation", "test"]


@dataclass(frozen=True)
class Entry:
    """An image by name: its path (below the root unless it lies elsewhere), its class, and its part where given."""

    path: str
    label: str
    part: Part | None = None


@dataclass(frozen=True)
class Listing:
    """What a folder or a table holds. entries: ascending by path; left_out: how many names, by the reason.

    refused: (path, reason) of what could not be looked into; empty: classes without any image; notes: what is odd about
    the names.
    """

    root: Path
    layout: str
    entries: tuple[Entry, ...]
    empty: tuple[str, ...] = ()
    refused: tuple[tuple[str, str], ...] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def file(self, entry: Entry) -> Path:
        """Where the image lies."""
        return self.root / entry.path


def twins(names: list[str]) -> list[list[str]]:
    """Names that are one and the same but for upper and lower case or Unicode's composed and decomposed form."""
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(normalize("NFC", normalize("NFC", name).casefold()), []).append(name)
    return [same for same in found.values() if len(same) > 1]


def composed(labels: set[str]) -> dict[str, str]:
    """Each class as it is called: in Unicode's composed form (file systems differ), unless two would become one."""
    forms = Counter(normalize("NFC", label) for label in labels)
    return {label: form if forms[form := normalize("NFC", label)] == 1 else label for label in labels}
