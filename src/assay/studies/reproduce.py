"""`reproduce`: a report's own study, as it was meant and as it was done, beside the figures that it printed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean
from typing import Any

from assay.core.errors import UsageError
from assay.core.registry import Registry
from assay.core.runtime import Runtime
from assay.data.photo_files import find_photos
from assay.recipes.labels import with_faults
from assay.report.tables.formats import grid
from assay.studies.engines import Engine
from assay.studies.photo_study import Reported, photographed
from assay.studies.results import Row, last_rung, rows
from assay.studies.runner import study
from assay.studies.spec import StudySpec, read_study
from assay.studies.stand_ins import at_hand
from assay.studies.study import Study

Tell = Callable[[str], object]


@dataclass(frozen=True)
class Part:
    """A built-in study of a report; `faults` make of it the study as it was done."""

    study: str
    faults: tuple[str, ...] = ()

    def spec(self, changes: dict[str, Any]) -> StudySpec:
        """The study; as done, or of another size, it has a name and so a folder of its own."""
        spec = read_study(self.study)
        done = {"changes": {**spec.changes, "faults": list(self.faults)}} if self.faults else {}
        sizes = (f"{key}-{value:g}" for key, value in sorted(changes.items()))
        return spec.changed({**done, **changes, "name": "-".join([spec.name, *(["as-done"] if done else []), *sizes])})


@dataclass(frozen=True)
class Report:
    """The studies that are a report: as meant, as done, and its searches, each with its fault beside it.

    photographs: what the report gives for each net on photographs, as they are and blurred. sweeps: further studies,
    each with a table of all metrics, as the first then has too.
    """

    meant: Part
    done: tuple[Part, ...]
    searches: tuple[Part, ...] = ()
    photographs: Reported = field(default_factory=dict)
    sweeps: tuple[Part, ...] = ()


REPORTS: Registry[Report] = Registry("report")
REPORTS.add("kth")(Report(Part("kth"), (Part("kth", ("double-softmax", "unnormalized-test")), Part("kth-batch-norm"))))
REPORTS.add("mlflow-grid")(
    Report(Part("mlflow-grid"), (Part("mlflow-grid-relu-as-done"), Part("mlflow-grid-leaky-as-done")))
)
_PHOTOGRAPHS = {
    "base": (0.305, 0.470), "imp1": (0.545, 0.760), "imp2": (0.585, 0.790),
    "mnet1": (0.615, 0.690), "mnet2": (0.750, 0.755),
}  # fmt: skip
REPORTS.add("own-photos")(
    Report(Part("own-photos"), (Part("own-photos", ("select-on-test",)),), photographs=_PHOTOGRAPHS)
)
_MISLED = ("batch-scaled-loss", "swapped-split")
_SEARCHES = [Part(f"fashion-search-{name}", faults) for name in ("adam", "sgd") for faults in ((), _MISLED)]
REPORTS.add("fashion")(Report(Part("fashion"), (Part("fashion", ("swapped-split",)),), tuple(_SEARCHES)))
REPORTS.add("transfer")(
    Report(
        Part("transfer"), (Part("transfer", ("select-on-test",)),),
        sweeps=tuple(Part(f"transfer-{name}") for name in ("epochs", "rates", "batches", "wishes")),
    )
)  # fmt: skip

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


SWEEP_HEADER = (
    "setting", "report %", "test %", "over seeds", "precision %", "recall %", "F1 %, mean of the classes'",
    "F1 %, of the means", "seconds", "runs", "state",
)  # fmt: skip


def reproduce(
    name: str, changes: dict[str, Any], engine: Engine | None = None, runs: Path | None = None, tell: Tell = print
) -> tuple[list[Study], list[Study], list[Study]]:
    """Run the studies of a report, or go on with them: those of its table, as meant first, its searches, its sweeps.

    changes: `scale` or `replicates` for all of them. tell: gets a line for each net whose weights cannot be had, and
    for what stands in. Raises UsageError for a report nobody knows.
    """
    report, known = REPORTS[name], dict[str, str]()

    def ran(parts: Sequence[Part]) -> list[Study]:
        return [study(at_hand(part.spec(changes), tell, known=known), engine=engine, runs=runs) for part in parts]

    return ran((report.meant, *report.done)), ran(report.searches), ran(report.sweeps)


def swept(found: Study, form: str) -> str:
    """All metrics of every variant of a study, means over its seeds, as text, markdown, latex or csv."""
    lines = []
    for row, variant in zip(rows(found), found.variants(), strict=True):
        runs = [run for seed in found.spec.seeds if (run := found.member(variant, seed).run) and "test" in run.results]
        tests = [run.results["test"] for run in runs]
        values = [[*one["macro"].values(), one["macro_f1_of_means"]] for one in tests]
        figures = [100 * mean(column) for column in zip(*values, strict=True)]
        lines.append((
            with_faults(row.name, row.faults), "–" if row.reported is None else f"{100 * row.reported:.2f}",
            _percent(row.test), _interval(row), *([f"{value:.2f}" for value in figures] or ["–"] * 4),
            f"{row.seconds:.0f}", str(row.seeds), row.state,
        ))  # fmt: skip
    return f"{found.spec.name}: {found.spec.about}\n{grid(SWEEP_HEADER, lines, form)}"


def check_photographs(name: str, folder: Path) -> None:
    """Raise UsageError for a report without photographs or a folder without any, before anything is trained."""
    if not REPORTS[name].photographs:
        raise UsageError(f"the report {name} has no photographs; --photos is for own-photos")
    find_photos(folder)


def written_photographs(name: str, table: Sequence[Study], folder: Path, runtime: Runtime, form: str) -> str:
    """The report's nets, as meant, on the photographs in `folder/<class>/`."""
    return photographed(table[0], REPORTS[name].photographs, folder, runtime, form)


def written(table: Sequence[Study], searches: Sequence[Study], form: str) -> str:
    """The report's table, then its searches', as text, markdown, latex or csv."""
    parts = [grid(HEADER, report_rows(table), form)]
    if searches:
        parts.append(grid(SEARCH_HEADER, [picked(one) for one in searches], form))
    if (scale := table[0].spec.scale) < 1:
        parts.append(f"Scaled to {scale:g} of the work: epochs and training images are each cut to its root.")
    return "\n\n".join(parts)


def report_rows(table: Sequence[Study]) -> list[tuple[str, ...]]:
    """A line for each step, as meant beside as done. A step that a further study did again has another line."""
    meant, *done = ({row.name: row for row in rows(one)} for one in table)
    found = []
    for name, row in meant.items():
        first, *further = [steps for steps in done if name in steps] or [{}]
        found.append(_cells(row, first.get(name), first))
        found += [_cells(None, steps[name], steps) for steps in further]
    return found


def picked(found: Study) -> tuple[str, ...]:
    """What a search chooses: the best of those that were trained longest, by the study's own score."""
    variants = found.variants()
    scores = found.scores(variants)
    best = max(last_rung(found, variants), key=lambda one: scores.get(one.name, float("-inf")))
    row = next(one for one in rows(found) if one.name == best.name)
    return (
        with_faults(found.spec.name, best.recipe.faults), best.name,
        f"{-scores[best.name]:.5f}" if best.name in scores else "–",
        _percent(row.validation), _percent(row.test),
    )  # fmt: skip


def _cells(meant: Row | None, done: Row | None, steps: dict[str, Row]) -> tuple[str, ...]:
    row = meant or done
    assert row is not None
    return (
        row.name if done is None else with_faults(row.name, done.faults),
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
        before = next((one for one in steps.values() if with_faults(one.name, one.faults) == second), None)
        if before and before.test and done.test:
            said.append(f"as done {100 * (mean(done.test) - mean(before.test)):+.2f} on the test set")
    return "; ".join(said)


def _percent(values: Sequence[float]) -> str:
    return f"{100 * mean(values):.2f}" if values else "–"


def _interval(row: Row | None) -> str:
    found = row.test_interval if row else None
    return "–" if found is None else f"[{100 * found[0]:.2f}, {100 * found[1]:.2f}]"
