"""The tables of `assay reproduce`: a paper's numbers next to ours, as intended and as run."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean

from assay.core.numbers import Interval, accuracy_text, percent, percent_interval, points
from assay.core.runtime import Runtime
from assay.experiments.photo_evaluation import WAYS, Accuracy, score_photographs
from assay.experiments.run import Run
from assay.recipes.labels import with_faults
from assay.report.tables.formats import format_table
from assay.studies.reproduce import Reproduction
from assay.studies.results import Row, collect_rows
from assay.studies.study import Study, finished_runs

HEADER = (
    "step", "paper %", "as intended, test %", "95 % interval", "as run, test %", "95 % interval", "runs",
    "what happened",
)  # fmt: skip
SEARCH_HEADER = ("search", "picks", "validation loss as logged", "validation %", "test %")
SWEEP_HEADER = (
    "setting", "paper %", "test %", "95 % interval", "precision %", "recall %", "F1 %, mean over classes",
    "F1 %, of the means", "seconds", "runs", "state",
)  # fmt: skip
PHOTO_HEADER = ("net", "runs", "paper, as they are %", "paper, blurred %", *(f"{way} %" for way in WAYS))
PHOTO_NOTE = (
    "n = {n} photos. 95 % intervals over photos, for these runs: Wilson at the mean accuracy. "
    "Our photos are shrunk with antialiasing,\nor to the nearest pixel, the default of Keras's load_img; the paper "
    "does not say which. Like load_img, both squeeze a photo\nthat is not square; the paper's photos are squares, "
    "where a crop of the middle would be the same."
)

Rows = Mapping[str, Row]  # by variant


def format_paper(reproduction: Reproduction, fmt: str) -> str:
    """The paper's table, then its searches', as text, markdown, latex or csv."""
    tables = [format_table(HEADER, compare_steps(reproduction.table), fmt)]
    if reproduction.searches:
        tables.append(format_table(SEARCH_HEADER, [describe_search(search) for search in reproduction.searches], fmt))
    scale = reproduction.table[0].spec.scale
    if scale < 1:
        tables.append(f"Scaled to {scale:g} of the work: epochs and training images are each multiplied by its root.")
    return "\n\n".join(tables)


def compare_steps(table: Sequence[Study]) -> list[tuple[str, ...]]:
    """A line for each step, as intended next to as run. A step that a further study repeats has another line."""
    as_intended, *as_run = ({row.name: row for row in collect_rows(study)} for study in table)
    lines = []
    for name, row in as_intended.items():
        first, *further = [rows for rows in as_run if name in rows] or [{}]
        lines.append(_step_cells(row, first.get(name), first))
        lines += [_step_cells(None, rows[name], rows) for rows in further]
    return lines


def _step_cells(as_intended: Row | None, as_run: Row | None, as_run_rows: Rows) -> tuple[str, ...]:
    row = as_intended or as_run
    assert row is not None
    return (
        row.name if as_run is None else with_faults(row.name, as_run.faults),
        _published_text(row),
        *_test_cells(as_intended),
        *_test_cells(as_run),
        str(row.seeds),
        "; ".join(_remarks(as_intended, as_run, as_run_rows)),
    )


def _remarks(as_intended: Row | None, as_run: Row | None, as_run_rows: Rows) -> list[str]:
    remarks = []
    if as_intended and as_intended.state:
        remarks.append(f"as intended {as_intended.state}")
    if as_run and as_run.state:
        remarks.append(f"as run {as_run.state}")
    if as_intended and as_run and as_intended.test and as_run.test:
        remarks.append(f"the faults change it by {points(mean(as_run.test) - mean(as_intended.test), 1)} points")
    if as_intended and as_intended.comparison:
        comparison = as_intended.comparison
        remarks.append(f"vs {comparison.second} {points(comparison.difference)} points, {comparison.verdict}")
    if as_run:
        remarks += _test_change(as_run, as_run_rows)
    return remarks


def _test_change(row: Row, rows: Rows) -> list[str]:
    """The change of the test accuracy from the row that this one is compared with."""
    if row.comparison is None:
        return []
    second = row.comparison.second
    opponent = next((step for step in rows.values() if with_faults(step.name, step.faults) == second), None)
    if opponent is None or not opponent.test or not row.test:
        return []
    return [f"as run {points(mean(row.test) - mean(opponent.test))} on the test set"]


def describe_search(search: Study) -> tuple[str, ...]:
    """What a search picks: the best finalist by the study's own score."""
    variants = search.variants()
    scores = search.scores(variants)
    best = max(
        search.spec.plan.finalists(variants), key=lambda variant: scores.get(variant.name, float("-inf"))
    )  # fmt: skip
    row = next(row for row in collect_rows(search) if row.name == best.name)
    return (
        with_faults(search.spec.name, best.recipe.faults),
        best.name,
        f"{-scores[best.name]:.5f}" if best.name in scores else "–",
        _percent(row.validation),
        _percent(row.test),
    )


def format_sweep(study: Study, fmt: str) -> str:
    """All metrics of every variant of a study, means over its seeds, as text, markdown, latex or csv."""
    variants, rows = study.variants(), collect_rows(study)
    lines = [_sweep_cells(row, study.runs(variant)) for variant, row in zip(variants, rows, strict=True)]
    return f"{study.spec.name}: {study.spec.about}\n{format_table(SWEEP_HEADER, lines, fmt)}"


def _sweep_cells(row: Row, runs: Sequence[Run]) -> tuple[str, ...]:
    tests = [run.results["test"] for run in runs if "test" in run.results]
    metrics = [[*test["macro"].values(), test["macro_f1_of_means"]] for test in tests]
    means = [f"{100 * mean(column):.2f}" for column in zip(*metrics, strict=True)]
    return (
        with_faults(row.name, row.faults),
        _published_text(row),
        *_test_cells(row),
        *(means or ["–"] * 4),
        f"{row.seconds:.0f}",
        str(row.seeds),
        row.state,
    )


def format_photos(study: Study, folder: Path, runtime: Runtime, fmt: str) -> str:
    """The nets of a study on the photos in `folder/<class>/`, for its finished runs. Raises UsageError."""
    lines, n = [], 0
    for variant in study.variants():
        runs = finished_runs(study.runs(variant))
        if not runs:
            continue
        accuracies = _photo_accuracies(runs, folder, runtime)
        n = next(iter(accuracies.values())).n
        lines.append((
            variant.name,
            str(len(runs)),
            *_published_on_photos(study, variant.name),
            *(_mean_and_interval(accuracies[way]) for way in WAYS),
        ))  # fmt: skip
    table = format_table(PHOTO_HEADER, lines, fmt)
    return table if fmt == "csv" else f"{table}\n\n{PHOTO_NOTE.format(n=n)}"


def _photo_accuracies(runs: Sequence[Run], folder: Path, runtime: Runtime) -> dict[str, Accuracy]:
    scores = [score_photographs(run, folder, squeeze=True, runtime=runtime) for run in runs]
    return {way: Accuracy.over([score[way] for score in scores]) for way in WAYS}


def _published_on_photos(study: Study, variant: str) -> tuple[str, str]:
    accuracies = study.spec.reported_on_photos.get(variant)
    if accuracies is None:
        return "–", "–"
    plain_accuracy, blurred_accuracy = accuracies
    return percent(plain_accuracy, 1, unit=""), percent(blurred_accuracy, 1, unit="")


def _mean_and_interval(accuracy: Accuracy) -> str:
    return accuracy_text(accuracy.mean, accuracy.interval, digits=1, unit="")


def _published_text(row: Row) -> str:
    return "–" if row.published_accuracy is None else percent(row.published_accuracy, unit="")


def _test_cells(row: Row | None) -> tuple[str, str]:
    return (_percent(row.test), _interval_text(row.test_interval)) if row else ("–", "–")


def _percent(values: Sequence[float]) -> str:
    return percent(mean(values), unit="") if values else "–"


def _interval_text(interval: Interval | None) -> str:
    return "–" if interval is None else percent_interval(interval)
