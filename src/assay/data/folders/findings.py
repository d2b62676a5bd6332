"""Problems of a scanned folder as Findings: suspicious and bad files, near-duplicates, label conflicts and leaks."""

from collections.abc import Callable, Sequence

from assay.core.finding import Finding, Severity
from assay.core.text import escape_line
from assay.data.folders.listing import Reasons
from assay.data.folders.scan import Scan

_PATHS = 4  # shown of a group


def find_problems(scan: Scan) -> list[Finding]:
    """What can spoil an experiment, the worst last.

    `evidence["items"]` has one line for each file or group of files.
    """
    findings = [rule(scan) for rule in _RULES]
    return [finding for finding in findings if finding is not None]


def suspicious_files(scan: Scan) -> Finding | None:
    """Files that are used, but deserve a look."""
    if not scan.suspicious:
        return None
    return Finding(
        "suspicious-files", Severity.INFO, f"{len(scan.suspicious):,} suspicious, used all the same",
        {"items": _file_lines(scan.suspicious)}, fix="look at them, and remove those that do not belong here",
    )  # fmt: skip


def near_duplicates(scan: Scan) -> Finding | None:
    """Images that are equal or nearly so."""
    if not scan.duplicates:
        return None
    images, groups, identical = sum(map(len, scan.duplicates)), len(scan.duplicates), len(scan.exact_copies)
    return Finding(
        "near-duplicates", Severity.INFO,
        f"near-duplicates: {images:,} images in {plural(groups, 'group')}, on one side of a drawn split; "
        f"in {identical:,} the files are the same to the byte",
        {"images": images, "groups": groups, "identical": identical},
    )  # fmt: skip


def large_groups(scan: Scan) -> Finding | None:
    """Near-duplicates that are a large share of their class: a trait of the data more than copies."""
    if not scan.large_groups:
        return None
    items = tuple(
        f"{escape_line(name)}: {len(group)} of {scan.counts[name].total()} images, such as "
        + " = ".join(escape_line(scan.entries[i].path) for i in group[:2])
        for group, name in scan.large_groups
    )
    return Finding(
        "large-groups", Severity.WARNING,
        f"{plural(len(items), 'group')} of near-duplicates with more than a fifth of a class, a trait of the data: "
        "each stays whole, so folds are uneven and the class is tested on few different pictures",
        {"items": items}, "bursts of one scene, or images that differ in less than is compared",
        "add other pictures; data.duplicates=exact if these are different ones",
    )  # fmt: skip


def label_conflicts(scan: Scan) -> Finding | None:
    """Near-duplicates in several classes."""
    if not scan.conflicts:
        return None
    return Finding(
        "label-conflicts", Severity.WARNING, f"in several classes, {plural(len(scan.conflicts), 'group')}",
        {"items": _group_lines(scan, scan.conflicts)}, "at least one of the labels is wrong",
        "keep each picture in one class",
    )  # fmt: skip


def bad_files(scan: Scan) -> Finding | None:
    """Files that cannot be used."""
    if not scan.quarantine:
        return None
    return Finding(
        "bad-files", Severity.WARNING, f"{len(scan.quarantine):,} bad, left out ({scan.bad_share:.1%})",
        {"items": _file_lines(scan.quarantine)}, fix="repair or remove them",
    )  # fmt: skip


def leaks(scan: Scan) -> Finding | None:
    """Near-duplicates in several of the parts that the layout gives."""
    if not scan.leaks:
        return None
    return Finding(
        "leaks", Severity.ERROR, f"LEAK: across the given parts, {plural(len(scan.leaks), 'group')}",
        {"items": _group_lines(scan, scan.leaks)}, "the same picture is in training and in evaluation",
        "keep each picture in one part, or let assay draw the split",
    )  # fmt: skip


def plural(n: int, word: str, words: str = "") -> str:
    """`1 group`, `2 groups`; words: an irregular plural."""
    return f"{n:,} {word if n == 1 else words or word + 's'}"


def _file_lines(reasons: Reasons) -> tuple[str, ...]:
    return tuple(f"{escape_line(path)}: {escape_line(reason)}" for path, reason in reasons)


def _group_lines(scan: Scan, groups: Sequence[Sequence[int]]) -> tuple[str, ...]:
    return tuple(" = ".join(escape_line(scan.entries[i].path) for i in group[:_PATHS]) for group in groups)


_RULES: tuple[Callable[[Scan], Finding | None], ...] = (
    suspicious_files, near_duplicates, large_groups, label_conflicts, bad_files, leaks,
)  # fmt: skip
