"""What a Scan found, as lines for people. The page with pictures: `report/check_page.py`."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from assay.core.text import escape_line
from assay.data.folders.scan import Reasons, Scan

_FIRST = 5  # of each kind of finding; the page shows more


def summary(scan: Scan, first: int = _FIRST) -> list[str]:
    """All findings, most important last, so that they are the last on a screen."""
    return [*_contents(scan), *notes(scan), *warnings(scan, first)]


def by_part(counts: Counter[str]) -> str:
    """`24 images`, or `train 20, test 4` where parts are given."""
    if set(counts) <= {""}:
        return _plural(counts.total(), "image")
    order = ("train", "validation", "test", "")
    return ", ".join(f"{part or 'no part given'} {counts[part]:,}" for part in order if counts[part])


def notes(scan: Scan) -> list[str]:
    """What was left out or is odd, without harm."""
    left_out = [f"left out: {n:,} {reason}" for reason, n in scan.listing.left_out.items()]
    single = [name for name, counts in scan.counts.items() if counts.total() == 1]
    return [
        *left_out,
        *(f"note: {note}" for note in scan.listing.notes),
        *([f"classes without any good image: {_names(scan.empty)}"] if scan.empty else []),
        *([f"classes of one image, which cannot be judged: {_names(single)}"] if single else []),
    ]


def warnings(scan: Scan, first: int = _FIRST) -> list[str]:
    """What can spoil an experiment."""
    lines = _listed(f"{len(scan.suspicious):,} suspicious, used all the same", scan.suspicious, first)
    if scan.duplicates:
        images, copies = sum(map(len, scan.duplicates)), _plural(len(scan.duplicates), "group")
        lines.append(
            f"near-duplicates: {images:,} images in {copies}, on one side of a drawn split; "
            f"in {len(scan.exact):,} the files are the same to the byte"
        )
    lines += _groups(scan, "in several classes", scan.conflicts, first)
    lines += _listed(f"{len(scan.quarantine):,} bad, left out ({scan.bad_share:.1%})", scan.quarantine, first)
    return lines + _groups(scan, "LEAK: across the given parts", scan.leaks, first)


def _contents(scan: Scan) -> list[str]:
    if not scan.entries:
        return ["no image can be used"]
    parts = sum(scan.counts.values(), Counter[str]())
    counts = [counts.total() for counts in scan.counts.values()]
    sides = np.array([(record.width, record.height) for record in scan.records])
    low, middle, high = np.percentile(sides.max(1), [0, 50, 100]).astype(int)
    formats, modes = (Counter(getattr(r, key) for r in scan.records).most_common() for key in ("format", "mode"))
    return [
        f"{escape_line(str(scan.listing.root))}, {scan.listing.layout}: {by_part(parts)}",
        f"{_plural(len(counts), 'class', 'classes')} of {min(counts):,} to {max(counts):,} images",
        f"longer side {low} to {high} px, median {middle}",
        "formats: " + ", ".join(f"{kind} {n:,}" for kind, n in formats)
        + "; colors: " + ", ".join(f"{mode} {n:,}" for mode, n in modes),
    ]  # fmt: skip


def _listed(title: str, reasons: Reasons, first: int) -> list[str]:
    if not reasons:
        return []
    more = [f"  and {len(reasons) - first:,} more"] if len(reasons) > first else []
    return [f"{title}:", *(f"  {escape_line(path)}: {escape_line(reason)}" for path, reason in reasons[:first]), *more]


def _groups(scan: Scan, title: str, groups: Sequence[Sequence[int]], first: int) -> list[str]:
    found = [" = ".join(escape_line(scan.entries[i].path) for i in places[:4]) for places in groups]
    more = [f"  and {len(found) - first:,} more"] if len(found) > first else []
    return (
        [f"{title}, {_plural(len(found), 'group')}:", *(f"  {line}" for line in found[:first]), *more] if found else []
    )


def _plural(n: int, word: str, words: str = "") -> str:
    return f"{n:,} {word if n == 1 else words or word + 's'}"


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - 10:,} more" if len(names) > 10 else ""
    return ", ".join(escape_line(name) for name in names[:10]) + more
