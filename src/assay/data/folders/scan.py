"""The Scan: what reading a folder of photos once has shown, good and bad. It opens no file itself."""

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
from assay.data.folders.file_record import FileRecord
from assay.data.folders.listing import Entry, Listing, Reasons

SMALL_PX = 16  # a shorter side below it is suspicious
MAX_ASPECT = 8.0  # and so is a longer side of more than this many shorter ones
LARGE_GROUP, LARGE_SHARE = 5, 0.2  # near-duplicates that are more than a fold's share of their class
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
    records: tuple[FileRecord, ...]
    groups: NDArray[np.int64]
    quarantine: Reasons

    @classmethod
    def from_records(
        cls, listing: Listing, records: Sequence[FileRecord], groups: NDArray[np.int64], duplicates: str = "auto"
    ) -> "Scan":
        """From the record of each of the listing's entries, good and bad.

        groups: equal for near-duplicates; duplicates: auto, exact (group identical files only) or off.
        """
        pairs = list(zip(listing.entries, records, strict=True))
        bad = tuple((entry.path, record.problem) for entry, record in pairs if record.problem)
        entries = tuple(entry for entry, record in pairs if not record.problem)
        good_records = tuple(record for record in records if not record.problem)
        if duplicates != "auto":
            groups = np.arange(len(entries)) if duplicates == "off" else _group_contents(good_records)
        return cls(listing, entries, good_records, groups, (*listing.rejects, *bad))

    @cached_property
    def class_names(self) -> tuple[str, ...]:
        """The classes with at least one image, sorted."""
        return tuple(sorted({entry.label for entry in self.entries}))

    @cached_property
    def counts(self) -> dict[str, Counter[str]]:
        """The number of images of each class by part; the part is "" if the layout gives none."""
        counts: dict[str, Counter[str]] = {name: Counter() for name in self.class_names}
        for entry in self.entries:
            counts[entry.label][entry.part or ""] += 1
        return counts

    @cached_property
    def empty_classes(self) -> tuple[str, ...]:
        """Classes without a good image."""
        labels = {*self.listing.empty_classes, *(entry.label for entry in self.listing.entries)}
        return tuple(sorted(labels - set(self.class_names)))

    @cached_property
    def suspicious(self) -> Reasons:
        """Files that are used, but deserve a look."""
        return tuple(
            (entry.path, reason)
            for entry, record in zip(self.entries, self.records, strict=True)
            for reason in _find_oddities(record)
        )

    @cached_property
    def duplicates(self) -> list[list[int]]:
        """Groups of equal or nearly equal images, as positions."""
        return _group_positions(self.groups.tolist())

    @cached_property
    def exact_copies(self) -> list[list[int]]:
        """Groups of images whose files are identical, as positions."""
        return _group_positions([record.content for record in self.records])

    @cached_property
    def leaks(self) -> list[list[int]]:
        """Groups of near-duplicates that lie in several parts of the layout."""
        return [group for group in self.duplicates if len({self.entries[i].part or "train" for i in group}) > 1]

    @cached_property
    def conflicts(self) -> list[list[int]]:
        """Groups of near-duplicates that lie in several classes."""
        return [group for group in self.duplicates if len({self.entries[i].label for i in group}) > 1]

    @cached_property
    def large_groups(self) -> list[tuple[list[int], str]]:
        """Groups of near-duplicates that are a large share of a class, each with that class."""
        totals = {name: counts.total() for name, counts in self.counts.items()}
        return [
            (group, name)
            for group in self.duplicates
            for name, n in Counter(self.entries[i].label for i in group).items()
            if n >= LARGE_GROUP and n > LARGE_SHARE * totals[name]
        ]

    @property
    def bad_share(self) -> float:
        """The share of bad files."""
        return len(self.quarantine) / max(1, len(self.quarantine) + len(self.entries))

    def save_quarantine(self, path: Path) -> None:
        """Write the bad files with their reasons as CSV, names escaped to one line each."""
        rows = [(escape_line(name), escape_line(reason)) for name, reason in self.quarantine]
        atomic_write(path, _to_csv(("path", "reason"), rows))

    def check_bad_share(self, max_bad: float, list_path: Path) -> None:
        """Raise DataError, naming some bad files, if their share exceeds `max_bad`; `list_path` gets all of them."""
        if not self.quarantine or self.bad_share <= max_bad:
            return
        self.save_quarantine(list_path)
        lines = [f"  {escape_line(name)}: {escape_line(reason)}" for name, reason in self.quarantine[:_FIRST]]
        if len(self.quarantine) > _FIRST:
            lines.append(f"  and {len(self.quarantine) - _FIRST} more")
        raise DataError(
            f"{escape_line(str(self.listing.root))}: {len(self.quarantine):,} of "
            f"{len(self.quarantine) + len(self.entries):,} images ({self.bad_share:.1%}) are bad, more than "
            f"data.max_bad={max_bad:g} allows:\n" + "\n".join(lines) + f"\nall of them: {list_path}; "
            "repair or remove them, or allow more with data.max_bad"
        )


def _group_contents(records: Sequence[FileRecord]) -> NDArray[np.int64]:
    """Group numbers: the position of the first file with the same content."""
    first: dict[str, int] = {}
    return np.array([first.setdefault(record.content, i) for i, record in enumerate(records)], np.int64)


def _group_positions(keys: Sequence[object]) -> list[list[int]]:
    """Groups of two or more positions with the same key."""
    groups: dict[object, list[int]] = defaultdict(list)
    for position, key in enumerate(keys):
        groups[key].append(position)
    return [group for group in groups.values() if len(group) > 1]


def _find_oddities(record: FileRecord) -> list[str]:
    """Reasons to look at a file that can be read."""
    width, height = record.width, record.height
    has_wrong_suffix = Path(record.path).suffix.lower() not in _SUFFIXES[record.format]
    oddities = [
        (has_wrong_suffix, f"a {record.format} file by its content"),
        (record.has_frames, "an animation; its first frame is used"),
        (record.is_flat, "all of one color"),
        (min(width, height) < SMALL_PX, f"only {width} x {height} px"),
        (max(width, height) > MAX_ASPECT * min(width, height), f"{width} x {height} px: only the middle is used"),
    ]
    return [reason for applies, reason in oddities if applies]


def images_csv(scan: Scan, parts: Sequence[str]) -> bytes:
    """A CSV with a row for each image: its index, its part in the run, its class and its exact path."""
    rows = [
        (index, part, entry.label, entry.path)
        for index, (part, entry) in enumerate(zip(parts, scan.entries, strict=True))
    ]
    return _to_csv(("index", "part", "class", "path"), rows).encode("utf-8", "surrogateescape")


def _to_csv(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows([header, *rows])
    return file.getvalue()
