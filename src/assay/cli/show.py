"""How the results of a run are printed, for people and as JSON. Imported only by verbs that print some."""

import json
from collections import Counter
from typing import Any

import typer
from rich.console import Console

from assay.evaluation.metrics import Metrics, compute_metrics
from assay.evaluation.robustness import Robustness
from assay.experiments.cross_validation import Folds
from assay.experiments.fault_injection import Faults
from assay.experiments.run import Run
from assay.report.tables.metrics import metrics_table, per_class_table
from assay.report.tables.robustness import robustness_table


def show_results(run: Run, as_json: bool) -> None:
    """All sets that the run was evaluated on, beside the report's figure, and where its pictures are."""
    status, results = run.status, run.results
    if as_json:
        typer.echo(json.dumps({"run": str(run.folder), **status, "sets": {k: _short(v) for k, v in results.items()}}))
        return
    console = Console(highlight=False)
    state = status.get("state", "not begun")
    line = f"{run.name}: {state}"
    if "best_epoch" in status:
        chosen = run.recipe.stopping.restore_best and run.history[-1].validation_loss is not None
        best = f"best weights from epoch {status['best_epoch']}, by validation"
        line += f" after {_epochs(status['epochs'])}; {best if chosen else 'weights of the last epoch'}"
    console.print(line if state != "failed" else f"{line}: {status.get('reason', '')}", soft_wrap=True)
    warning = Faults(run.recipe).warning
    if warning:
        console.print(warning, style="bold red")
    if results:
        console.print(metrics_table([Metrics.from_dict(entry) for entry in results.values()]))
        for data, looks in Counter(look["data"] for look in run.looks).items():
            console.print(f"{data} has been looked at {looks} time{'s' if looks != 1 else ''}")
    if (reported := run.recipe.reported) is not None:
        console.print(
            f"the report ({reported.report}) gives {reported.accuracy:.2%}"
            + (f": {reported.note}" if reported.note else "")
        )
    if (run.folder / "figures").is_dir():
        console.print(f"pictures: {run.folder / 'figures'}", soft_wrap=True)


def show_folds(found: Folds, as_json: bool) -> None:
    """What the nets of all folds said together, of every photograph once."""
    judged = compute_metrics(found.predictions)
    if as_json:
        runs = [str(run.folder) for run in found.runs]
        typer.echo(
            json.dumps({"folds": runs, "folder": str(found.folder), "sets": {"folds": _short(judged.to_dict())}})
        )
        return
    console = Console(highlight=False)
    console.print(metrics_table([judged]))
    console.print(per_class_table(judged))
    console.print("each photograph was judged once, by a net that never saw it nor anything like it")
    console.print(f"pictures: {found.folder}", soft_wrap=True)
    console.print(f"to use one of the nets: assay predict {found.runs[0].folder} PICTURE", soft_wrap=True)


def show_entry(run: Run, entry: dict[str, Any], as_json: bool) -> None:
    """One set's results."""
    if as_json:
        typer.echo(json.dumps({"run": str(run.folder), "sets": {entry["data"]: _short(entry)}}))
        return
    console = Console(highlight=False)
    judged = Metrics.from_dict(entry)
    console.print(metrics_table([judged]))
    console.print(per_class_table(judged))
    if "look" in entry:
        console.print(f"look {entry['look']} at {entry['data']} by this run; the first is the one to report")


def show_robustness(run: Run, found: Robustness, label: str, as_json: bool) -> None:
    """How a run stands corrupted images."""
    if as_json:
        typer.echo(json.dumps({"run": str(run.folder), **found.to_dict()}))
        return
    typer.echo(robustness_table(found, "text"))
    typer.echo(f"picture: {run.folder / 'figures' / f'{label}.png'}")
    typer.echo(f"look {run.looks_at(found.data)} at {found.data} by this run")


def _epochs(number: int) -> str:
    return f"{number} epoch{'s' if number != 1 else ''}"


def _short(entry: dict[str, Any]) -> dict[str, Any]:
    """What a script asks for first; all the rest is in results.json."""
    keys = ("data", "n", "accuracy", "interval", "loss", "seconds", "look")
    return {key: entry[key] for key in keys if key in entry}
