"""`assay runs`: list and show runs."""

from typing import TYPE_CHECKING

import typer

from assay.cli.options import JsonOption, RunArgument, RunsOption

if TYPE_CHECKING:
    from rich.text import Text

    from assay.experiments.run import Run

app = typer.Typer(help="List and show runs.", no_args_is_help=True)


@app.command("list")
def list_all(runs: RunsOption = None) -> None:
    """List all runs with their state and accuracies."""
    from rich.console import Console
    from rich.table import Table

    from assay.core.errors import AssayError
    from assay.experiments.run import list_runs, runs_folder
    from assay.recipes.labels import with_faults
    from assay.report.tables.metrics import red

    all_runs = list_runs(runs)
    if not all_runs:
        typer.echo(f"no runs in {runs or runs_folder()} yet; train one with: assay train fashion/cnn-bn")
        return
    table = Table(
        "run", "state", "epochs", "validation accuracy", "test accuracy", "looks", box=None, header_style="bold"
    )
    for run in all_runs:
        try:
            table.add_row(red(with_faults(run.name, run.recipe.faults)), *_row(run))
        except AssayError as error:  # one damaged run must not hide the others
            table.add_row(run.name, "damaged")
            typer.echo(f"assay: {error}", err=True)
    Console(highlight=False).print(table)


@app.command("show")
def show(run: RunArgument, as_json: JsonOption = False, runs: RunsOption = None) -> None:
    """Print a run's recipe, state, results and looks at the test set."""
    from assay.cli.show import show_results
    from assay.experiments.run import Run

    match = Run.find(run, runs)
    if not as_json:
        typer.echo(match.recipe.to_yaml())
    show_results(match, as_json)


def _row(run: "Run") -> "list[str | Text]":
    """State, epochs, accuracies and looks of a run."""
    from assay.evaluation.metrics import Metrics
    from assay.report.tables.metrics import accuracy_cell

    status, results = run.status, run.results
    accuracies: list[str | Text] = []
    for name in ("validation", "test"):
        metrics = Metrics.from_dict(results[name]) if name in results else None
        accuracies.append(accuracy_cell(metrics) if metrics else "")
    return [
        status.get("state", "?"),
        str(status.get("epochs", "")),
        *accuracies,
        str(run.looks_at(f"{run.recipe.data.display_name}/test")),
    ]
