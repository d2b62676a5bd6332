"""A report's nets on photographs: its accuracies beside ours, shrunk in two ways, as they are and blurred."""

from collections.abc import Mapping
from pathlib import Path

from assay.core.runtime import Runtime
from assay.experiments.photo_evaluation import WAYS, Accuracy, score_photographs
from assay.experiments.run import Run
from assay.report.tables.formats import grid
from assay.studies.study import Study

Reported = Mapping[str, tuple[float, float]]  # a variant's accuracy on photographs as they are, and blurred

HEADER = ("net", "runs", "report, as they are %", "report, blurred %", *(f"{way} %" for way in WAYS))
NOTE = (
    "n = {n} photographs. Intervals: 95 %, Wilson's; of several runs the mean, with a bootstrap over images. "
    "Ours are shrunk with antialias,\nor by taking the nearest pixel, as Keras's load_img does; the report is silent."
)


def photographed(found: Study, reported: Reported, folder: Path, runtime: Runtime, form: str) -> str:
    """The table, for the runs of a study that have finished. Raises UsageError for an unknown format."""
    rows, n = [], 0
    for variant in found.variants():
        members = (found.member(variant, seed).run for seed in found.spec.seeds)
        runs = [run for run in members if run and run.is_finished]
        if not runs:
            continue
        ours = _accuracies(runs, folder, runtime)
        n = next(iter(ours.values())).n
        theirs = (f"{100 * value:.1f}" for value in reported[variant.name]) if variant.name in reported else "––"
        rows.append((variant.name, str(len(runs)), *theirs, *(_text(ours[way]) for way in WAYS)))
    table = grid(HEADER, rows, form)
    return table if form == "csv" else f"{table}\n\n{NOTE.format(n=n)}"


def _accuracies(runs: list[Run], folder: Path, runtime: Runtime) -> dict[str, Accuracy]:
    scores = [score_photographs(run, folder, runtime=runtime) for run in runs]
    return {way: Accuracy.over([one[way] for one in scores]) for way in WAYS}


def _text(one: Accuracy) -> str:
    low, high = one.interval
    return f"{100 * one.mean:.1f} [{100 * low:.1f}, {100 * high:.1f}]"
