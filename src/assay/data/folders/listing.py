"""The Listing: the images of a folder by name, with class and part, before any is opened. Read by `layouts`."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from unicodedata import normalize

SplitName = Literal["train", "validation", "test"]
Reasons = tuple[tuple[str, str], ...]  # (path, reason)


@dataclass(frozen=True)
class Entry:
    """An image by name: its path (relative to the root if it is below it), class, and part if the layout has parts.

    The repr of entries goes into the fingerprint of a folder: a renamed field would make every folder a changed one.
    """

    path: str
    label: str
    part: SplitName | None = None


@dataclass(frozen=True)
class Listing:
    """The images of a folder or table. entries: ascending by path; skip_counts: how many names were skipped, by reason.

    rejects: what could not be listed; empty_classes: classes without images; notes: oddities of the names.
    """

    root: Path
    layout: str
    entries: tuple[Entry, ...]
    empty_classes: tuple[str, ...] = ()
    rejects: Reasons = ()
    skip_counts: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def file_path(self, entry: Entry) -> Path:
        """The path of an image."""
        return self.root / entry.path


def similar_names(names: list[str]) -> list[list[str]]:
    """Groups of names that differ only in case or in Unicode's composed and decomposed form."""
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(normalize("NFC", normalize("NFC", name).casefold()), []).append(name)
    return [group for group in groups.values() if len(group) > 1]


def compose_labels(labels: set[str]) -> dict[str, str]:
    """Each class in Unicode's composed form (file systems differ), unless two classes would become one."""
    forms = {label: normalize("NFC", label) for label in labels}
    counts = Counter(forms.values())
    return {label: form if counts[form] == 1 else label for label, form in forms.items()}
