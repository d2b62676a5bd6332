"""Domain shift as two tables: what differs, and what matching each statistic does to the accuracy."""

from assay.core.numbers import accuracy_text, p_value, points, points_interval, signed_interval
from assay.evaluation.domain_shift import ORIGINAL, ChangedPhotos, DomainShift, StatisticDifference
from assay.report.tables.formats import format_note, format_table

DIFFERENCES_HEADER = ("statistic", "training images", "photographs", "standardized difference")
CHANGES_HEADER = ("photographs", "accuracy %", "moved by, points", "p", "difference left", "how")


def domain_shift_tables(result: DomainShift, fmt: str) -> str:
    """The differences, then the effect of each change, then the verdict. Raises UsageError for an unknown format."""
    differences: list[tuple[str, ...]] = [_difference_row(difference) for difference in result.differences]
    differences.append(("size", result.training_size, result.size, "–"))
    tag = result.overlap.tag if result.overlap else ""
    accuracy = accuracy_text(result.accuracy, result.interval, digits=1, unit="")
    changes: list[tuple[str, ...]] = [(f"{ORIGINAL}, n = {result.n} {tag}".strip(), accuracy, "–", "–", "–", "–")]
    changes += [_change_row(f"{change.name} matched", change) for change in result.variants]
    changes.append(_change_row(result.report_blur.name, result.report_blur))
    tables = [format_table(DIFFERENCES_HEADER, differences, fmt), format_table(CHANGES_HEADER, changes, fmt)]
    if fmt != "csv":
        tables.append(result.verdict)
        tables += [format_note(note, fmt) for note in result.overlap.notes] if result.overlap else []
    return "\n\n".join(tables)


def _difference_row(difference: StatisticDifference) -> tuple[str, ...]:
    means = (f"{difference.training:.3f}", f"{difference.photographs:.3f}")
    return (
        difference.statistic,
        *means,
        f"{difference.standardized:+.2f} {signed_interval(difference.interval)}",
    )


def _change_row(name: str, change: ChangedPhotos) -> tuple[str, ...]:
    return (
        name,
        accuracy_text(change.accuracy, change.interval, digits=1, unit=""),
        f"{points(change.gain, 1)} {points_interval(change.gain_interval, 1)}",
        p_value(change.p),
        "–" if change.left is None else f"{change.left:+.2f}",
        change.how,
    )
