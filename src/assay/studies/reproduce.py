"""`reproduce`: a report's own study, as it was meant and as it was done, beside the figures that it printed."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

from assay.registry import Registry
from assay.report.grid import grid, named
from assay.studies.conduct import study
from assay.studies.engines import Engine
from assay.studies.spec import StudySpec, read_study
from assay.studies.study import Study
from assay.studies.table import Row, last_rung, rows


@dataclass(frozen=True)
class Report:
    """The built-in studies that are a report: as meant, as done, and its searches, each with its fault beside it."""

    meant: str
    done: tuple[str, ...]
    searches: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """All of them, in the order in which they run."""
        return (self.meant, *self.done, *self.searches)


REPORTS: Registry[Report] = Registry("report")
REPORTS.add("kth")(Report("kth", ("kth-as-done", "kth-batch-norm")))
REPORTS.add("mlflow-grid")(Report("mlflow-grid", ("mlflow-grid-relu-as-done", "mlflow-grid-leaky-as-done")))
REPORTS.add("own-photos")(Report("own-photos", ("own-photos-as-done",)))
_SEARCHES = tuple(f"fashion-search-{name}{end}" for name in ("adam", "sgd") for end in ("", "-as-done"))
REPORTS.add("fashion")(Report("fashion", ("fashion-as-done",), _SEARCHES))

HEADER = (
    "step",
    "report %",
    "as meant, test %",
    "over seeds",
    "as done, test %",
    "over seeds",
    "runs",
    "what happened",
)
SEARCH_HEADER = ("search", "picks", "validation loss as reported", "validation %", "test %")


def reproduce(
    name: str, changes: dict[str, Any], engine: Engine | None = None, runs: Path | None = None
) -> tuple[list[Study], list[Study]]:
    """Run the studies of a report, or go on with them: those of its table, as meant first, and its searches.

    changes: `scale` or `replicates` for all of them. Raises UsageError for a report nobody knows.
    """
    report = REPORTS[name]
    ran = {one: study(_sized(read_study(one), changes), engine=engine, runs=runs) for one in report.names}
    return [ran[one] for one in (report.meant, *report.done)], [ran[one] for one in report.searches]


def written(table: Sequence[Study], searches: Sequence[Study], form: str) -> str:
    """The report's table, then its searches', as text, markdown, latex or csv."""
    parts = [grid(HEADER, report_rows(table), form)]
    if searches:
        parts.append(grid(SEARCH_HEADER, [picked(one) for one in searches], form))
    if (scale := table[0].spec.scale) < 1:
        parts.append(f"Scaled to {scale:g} of the work: epochs and training images are each cut to its root.")
    return "\n\n".join(parts)


def report_rows(table: Sequence[Study]) -> list[tuple[str, ...]]:
    """A line for each step, as meant beside as done. What was done in a further study has lines of its own."""
    meant, *others = (rows(one) for one in table)
    found, done = list[tuple[str, ...]](), [{row.name: row for row in other} for other in others]
    for row in meant:
        beside = next((one[row.name] for one in done if row.name in one), None)
        found.append(_cells(row, beside, done[0] if done else {}))
    if len(done) > 1 and done[1].keys() <= done[0].keys():
        found += [_cells(None, row, done[1]) for row in done[1].values()]
    return found


def picked(found: Study) -> tuple[str, ...]:
    """What a search chooses: the best of those that were trained longest, by the study's own score."""
    variants = found.variants()
    scores = found.scores(variants)
    best = max(last_rung(found, variants), key=lambda one: scores.get(one.name, float("-inf")))
    row = next(one for one in rows(found) if one.name == best.name)
    return (
        named(found.spec.name, best.recipe.faults), best.name,
        f"{-scores[best.name]:.5f}" if best.name in scores else "–",
        _percent(row.validation), _percent(row.test),
    )  # fmt: skip


def _cells(meant: Row | None, done: Row | None, steps: dict[str, Row]) -> tuple[str, ...]:
    row = meant or done
    assert row is not None
    return (
        row.name if done is None else named(row.name, done.faults),
        "–" if row.reported is None else f"{100 * row.reported:.2f}",
        _percent(meant.test if meant else ()), _interval(meant), _percent(done.test if done else ()), _interval(done),
        str(row.seeds), _what_happened(meant, done, steps),
    )  # fmt: skip


def _what_happened(meant: Row | None, done: Row | None, steps: dict[str, Row]) -> str:
    said = []
    if meant and meant.state:
        said.append(f"as meant {meant.state}")
    if done and done.state:
        said.append(f"as done {done.state}")
    if meant and done and meant.test and done.test:
        said.append(f"the faults change it by {100 * (mean(done.test) - mean(meant.test)):+.1f} points")
    if meant and (compared := meant.comparison):
        said.append(f"beside {compared.second} {100 * compared.difference:+.2f} points, {compared.verdict}")
    if done and done.comparison:
        second = done.comparison.second
        before = next((one for one in steps.values() if named(one.name, one.faults) == second), None)
        if before and before.test and done.test:
            said.append(f"as done {100 * (mean(done.test) - mean(before.test)):+.2f} on the test set")
    return "; ".join(said)


def _percent(values: Sequence[float]) -> str:
    return f"{100 * mean(values):.2f}" if values else "–"


def _interval(row: Row | None) -> str:
    found = row.test_interval if row else None
    return "–" if found is None else f"[{100 * found[0]:.2f}, {100 * found[1]:.2f}]"


def _sized(spec: StudySpec, changes: dict[str, Any]) -> StudySpec:
    """Studies of another size have folders of their own."""
    name = "-".join([spec.name, *(f"{key}-{value:g}" for key, value in sorted(changes.items()))])
    return spec.changed({**changes, "name": name})
