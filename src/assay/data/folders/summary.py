"""A Scan as lines of text. `report/html/data_check.py` makes a page with thumbnails of it."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from assay.core.finding import Finding
from assay.core.text import escape_line
from assay.data.folders.findings import find_problems, plural
from assay.data.folders.scan import Scan

_FIRST = 5  # lines per finding; the page shows more
_NAMES = 10  # classes per note


def summary(scan: Scan, first: int = _FIRST) -> list[str]:
    """The whole scan, the most important last, where it stays on the screen. first: lines per finding."""
    lines = [*_describe_contents(scan), *notes(scan)]
    for finding in find_problems(scan):
        lines += _describe_finding(finding, first)
    return lines


def count_by_part(counts: Counter[str]) -> str:
    """`24 images`, or `train 20, test 4` if the layout has parts."""
    if set(counts) <= {""}:
        return plural(counts.total(), "image")
    order = ("train", "validation", "test", "")
    return ", ".join(f"{part or 'no part given'} {counts[part]:,}" for part in order if counts[part])


def notes(scan: Scan) -> list[str]:
    """What was left out or is odd, but harmless."""
    lines = [f"left out: {n:,} {reason}" for reason, n in scan.listing.skip_counts.items()]
    lines += [f"note: {note}" for note in scan.listing.notes]
    if scan.empty_classes:
        lines.append(f"classes without any good image: {_join_names(scan.empty_classes)}")
    single = [name for name, counts in scan.counts.items() if counts.total() == 1]
    if single:
        lines.append(f"classes of one image, which cannot be evaluated: {_join_names(single)}")
    return lines


def _describe_contents(scan: Scan) -> list[str]:
    if not scan.entries:
        return ["no image can be used"]
    parts = sum(scan.counts.values(), Counter[str]())
    counts = [counts.total() for counts in scan.counts.values()]
    sides = np.array([(record.width, record.height) for record in scan.records])
    low, median, high = np.percentile(sides.max(1), [0, 50, 100]).astype(int)
    formats = Counter(record.format for record in scan.records)
    modes = Counter(record.mode for record in scan.records)
    return [
        f"{escape_line(str(scan.listing.root))}, {scan.listing.layout}: {count_by_part(parts)}",
        f"{plural(len(counts), 'class', 'classes')} of {min(counts):,} to {max(counts):,} images",
        f"longer side {low} to {high} px, median {median}",
        f"formats: {_join_counts(formats)}; colors: {_join_counts(modes)}",
    ]


def _describe_finding(finding: Finding, first: int) -> list[str]:
    items = finding.evidence.get("items")
    if not isinstance(items, tuple):
        return [finding.message]
    lines = [f"{finding.message}:", *(f"  {item}" for item in items[:first])]
    if len(items) > first:
        lines.append(f"  and {len(items) - first:,} more")
    return lines


def _join_counts(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {n:,}" for name, n in counts.most_common())


def _join_names(names: Sequence[str]) -> str:
    n_hidden = len(names) - _NAMES
    text = ", ".join(map(escape_line, names[:_NAMES]))
    return f"{text} and {n_hidden:,} more" if n_hidden > 0 else text
