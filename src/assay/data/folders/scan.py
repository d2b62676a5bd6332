"""The Scan: everything that one look at a folder of photographs found, good and bad. It reads no file itself."""

import csv
import io
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import DataError
from assay.core.files import atomic_write
from assay.core.text import escape_line
from assay.data.folders.file_record import Record
from assay.data.folders.listing import Entry, Listing

Reasons = tuple[tuple[str, str], ...]  # (path, reason)

SMALL_PX, LONG = 16, 8.0  # a shorter side below it, or a longer one so many times as long, is suspicious
_FIRST = 20  # bad files that a message names

_SUFFIXES = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif"), "PNG": (".png", ".apng"), "WEBP": (".webp",), "BMP": (".bmp", ".dib"),
    "GIF": (".gif",), "TIFF": (".tif", ".tiff"),
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Scan:
    """entries and records: the good images, ascending by path; groups: int64 (N,), equal for near-duplicates.

    quarantine: the files that are left out, each with its reason.
    """

    listing: Listing
    entries: tuple[Entry, ...]
    records: tuple[Record, ...]
    groups: NDArray[np.int64]
    quarantine: Reasons

    @classmethod
    def of(cls, listing: Listing, records: Sequence[Record], groups: NDArray[np.int64]) -> "Scan":
        """From what is known of each entry's file."""
        pairs = list(zip(listing.entries, records, strict=True))
        bad = tuple((entry.path, record.problem) for entry, record in pairs if record.problem)
        good = [(entry, record) for entry, record in pairs if not record.problem]
        return cls(listing, tuple(e for e, _ in good), tuple(r for _, r in good), groups, (*listing.refused, *bad))

    @cached_property
    def class_names(self) -> tuple[str, ...]:
        """The classes that have an image, in the order of their names."""
        return tuple(sorted({entry.label for entry in self.entries}))

    @cached_property
    def counts(self) -> dict[str, Counter[str]]:
        """How many images each class has, by part; the part is empty where the layout gives none."""
        found: dict[str, Counter[str]] = {name: Counter() for name in self.class_names}
        for entry in self.entries:
            found[entry.label][entry.part or ""] += 1
        return found

    @cached_property
    def empty(self) -> tuple[str, ...]:
        """Classes without a good image."""
        named = {*self.listing.empty, *(entry.label for entry in self.listing.entries)}
        return tuple(sorted(named - set(self.class_names)))

    @cached_property
    def suspicious(self) -> Reasons:
        """Files that are used, but that somebody should look at."""
        return tuple(
            (entry.path, reason)
            for entry, record in zip(self.entries, self.records, strict=True)
            for reason in _oddities(record)
        )

    @cached_property
    def duplicates(self) -> list[list[int]]:
        """The places of images that are equal or nearly so, group by group."""
        members: dict[int, list[int]] = defaultdict(list)
        for place, group in enumerate(self.groups.tolist()):
            members[group].append(place)
        return [places for places in members.values() if len(places) > 1]

    @cached_property
    def exact(self) -> list[list[int]]:
        """The places of images whose files are the same to the byte."""
        members: dict[str, list[int]] = defaultdict(list)
        for place, record in enumerate(self.records):
            members[record.content].append(place)
        return [places for places in members.values() if len(places) > 1]

    @cached_property
    def leaks(self) -> list[list[int]]:
        """Near-duplicates that lie in more than one of the given parts."""
        return [places for places in self.duplicates if len({self.entries[i].part or "train" for i in places}) > 1]

    @cached_property
    def conflicts(self) -> list[list[int]]:
        """Near-duplicates that lie in more than one class."""
        return [places for places in self.duplicates if len({self.entries[i].label for i in places}) > 1]

    @property
    def bad_share(self) -> float:
        """The share of bad files among all that should be images."""
        return len(self.quarantine) / max(1, len(self.quarantine) + len(self.entries))

    def save_quarantine(self, path: Path) -> None:
        """Write the bad files with their reasons as CSV, names escaped to one line each."""
        atomic_write(
            path,
            _csv(("path", "reason"), [(escape_line(name), escape_line(reason)) for name, reason in self.quarantine]),
        )

    def check(self, max_bad: float, list_path: Path) -> None:
        """Raise DataError, with the first bad files, where they are more than `max_bad`; `list_path` gets them all."""
        if not self.quarantine or self.bad_share <= max_bad:
            return
        self.save_quarantine(list_path)
        first = "\n".join(f"  {escape_line(name)}: {escape_line(reason)}" for name, reason in self.quarantine[:_FIRST])
        more = f"\n  and {len(self.quarantine) - _FIRST} more" if len(self.quarantine) > _FIRST else ""
        raise DataError(
            f"{escape_line(str(self.listing.root))}: {len(self.quarantine):,} of "
            f"{len(self.quarantine) + len(self.entries):,} images ({self.bad_share:.1%}) are bad, more than "
            f"data.max_bad={max_bad:g} allows:\n{first}{more}\n"
            f"all of them: {list_path}; mend or remove them, or allow more with data.max_bad"
        )


def _oddities(record: Record) -> list[str]:
    """Why one should look at a file that can be read."""
    width, height, suffix = record.width, record.height, Path(record.path).suffix.lower()
    return [reason for reason, holds in (
        (f"a {record.format} file by its content", suffix not in _SUFFIXES[record.format]),
        ("an animation; its first frame is used", record.animated),
        ("all of one color", record.flat),
        (f"only {width} x {height} px", min(width, height) < SMALL_PX),
        (f"{width} x {height} px: only the middle is used", max(width, height) > LONG * min(width, height)),
    ) if holds]  # fmt: skip


def images_csv(scan: Scan, parts: Sequence[str]) -> bytes:
    """One row for each image: its place in the set, its part in the run, its class and its path, exactly."""
    rows = [
        (place, part, entry.label, entry.path)
        for place, (part, entry) in enumerate(zip(parts, scan.entries, strict=True))
    ]
    return _csv(("index", "part", "class", "path"), rows).encode("utf-8", "surrogateescape")


def _csv(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows([header, *rows])
    return file.getvalue()
