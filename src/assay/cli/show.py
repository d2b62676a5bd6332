"""Printing the results of a run, as tables or as JSON. Imported only by verbs that print results."""

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

import typer
from rich.console import Console

from assay.core.numbers import percent
from assay.evaluation.metrics import Metrics, compute_metrics
from assay.experiments.cross_validation import Folds
from assay.experiments.run import Run, RunState
from assay.experiments.run_findings import list_warnings, read_findings
from assay.experiments.truths import Truths, read_truths
from assay.report.tables.metrics import metrics_table, overlap_notes, per_class_table


def show_results(run: Run, as_json: bool) -> None:
    """Print the state of a run, its results on all sets, the paper's result, and the folder of its figures."""
    status, results = run.status, run.results
    if as_json:
        sets = {name: _short(entry) | _truths_json(read_truths(run, name)) for name, entry in results.items()}
        typer.echo(json.dumps({"run": str(run.folder), **status, "sets": sets}))
        return
    console = Console(highlight=False)
    console.print(_state_line(run), soft_wrap=True)
    for warning in list_warnings(run):
        console.print(warning, style="bold red", soft_wrap=True)
    if results:
        _print_metrics(console, [Metrics.from_dict(entry) for entry in results.values()])
        for name, entry in results.items():
            _print_truths(console, entry["data"], read_truths(run, name))
        for data, looks in Counter(look["data"] for look in run.looks).items():
            console.print(f"{data} has been looked at {_count(looks, 'time')}")
    reference = run.recipe.reported
    if reference is not None:
        note = f": {reference.note}" if reference.note else ""
        console.print(f"the paper ({reference.report}) reports {percent(reference.accuracy)}{note}")
    if (run.folder / "figures").is_dir():
        console.print(f"figures: {run.folder / 'figures'}", soft_wrap=True)


def show_folds(folds: Folds, as_json: bool) -> None:
    """Print the metrics over all folds, in which every photo is evaluated once."""
    metrics = compute_metrics(folds.predictions)
    if as_json:
        runs = [str(run.folder) for run in folds.runs]
        sets = {"folds": _short(metrics.to_dict())}
        typer.echo(json.dumps({"folds": runs, "folder": str(folds.folder), "sets": sets}))
        return
    console = Console(highlight=False)
    console.print(metrics_table([metrics]))
    console.print(per_class_table(metrics))
    tested = len(folds.predictions)
    for fold, run in enumerate(folds.runs, 1):
        for finding in read_findings(run):
            console.print(f"fold {fold}: {finding}", style="bold red", soft_wrap=True)
    photos = "each photo is" if tested == folds.photos else f"{tested:,} of {folds.photos:,} photos are"
    console.print(f"{photos} evaluated once, by a net that was trained on neither it nor its near-duplicates")
    console.print(f"figures: {folds.folder}", soft_wrap=True)
    console.print(f"to use one of the nets: assay predict {folds.runs[0].folder} IMAGE", soft_wrap=True)


def show_entry(run: Run, entry: dict[str, Any], as_json: bool) -> None:
    """Print the results on one set."""
    truths = read_truths(run, _find_label(run, entry))
    if as_json:
        values = _short(entry) | _truths_json(truths)
        typer.echo(json.dumps({"run": str(run.folder), "sets": {entry["data"]: values}}))
        return
    console = Console(highlight=False)
    metrics = Metrics.from_dict(entry)
    _print_metrics(console, [metrics])
    _print_truths(console, entry["data"], truths)
    console.print(per_class_table(metrics))
    if "look" in entry:
        console.print(f"look {entry['look']} at {entry['data']} by this run; the first is the one to report")


def _find_label(run: Run, entry: dict[str, Any]) -> str:
    """The name of an entry in results.json."""
    return next(name for name, value in reversed(run.results.items()) if value["data"] == entry["data"])


def _print_metrics(console: Console, sets: Sequence[Metrics]) -> None:
    console.print(metrics_table(sets))
    for note in overlap_notes(sets):
        console.print(note, soft_wrap=True)


def _print_truths(console: Console, data: str, truths: Truths | None) -> None:
    if truths:
        console.print(f"{data}: {truths.text}", soft_wrap=True, markup=False)


def _truths_json(truths: Truths | None) -> dict[str, Any]:
    return {"truths": truths.to_dict()} if truths else {}


def _state_line(run: Run) -> str:
    """The name of a run, its state, and which epoch its weights are from."""
    status = run.status
    state = status.get("state", "not begun")
    line = f"{run.name}: {state}"
    if "best_epoch" in status:
        is_selected = run.recipe.stopping.restore_best and run.history[-1].validation_loss is not None
        weights = "weights of the last epoch"
        if is_selected:
            weights = f"best weights from epoch {status['best_epoch']}, by validation"
        line += f" after {_count(status['epochs'], 'epoch')}; {weights}"
    return f"{line}: {status.get('reason', '')}" if state == RunState.FAILED else line


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _short(entry: dict[str, Any]) -> dict[str, Any]:
    """The values that scripts need most; results.json has the rest."""
    keys = ("data", "n", "accuracy", "interval", "loss", "seconds", "look", "overlap")
    return {key: entry[key] for key in keys if key in entry}
