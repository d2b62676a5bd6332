"""`assay evaluate`: evaluate a finished run again."""

from typing import TYPE_CHECKING, Annotated

import typer

from assay.cli.options import (
    DeviceOption,
    JsonOption,
    PrecisionOption,
    RunArgument,
    RunsOption,
    ThreadsOption,
    choose_runtime,
)

if TYPE_CHECKING:
    from assay.evaluation.robustness import Robustness
    from assay.experiments.run import Run


def evaluate(
    run: RunArgument,
    data: Annotated[str, typer.Option(help="test, validation, a data set (its test set), or a folder.")] = "test",
    corruptions: Annotated[
        bool, typer.Option("--corruptions", help="Evaluate on corrupted copies of the test set, at five severities.")
    ] = False,
    as_json: JsonOption = False,
    runs: RunsOption = None,
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
    threads: ThreadsOption = None,
) -> None:
    """Evaluate a finished run again. Every look at a test set is counted and shown."""
    from assay.cli.show import show_entry
    from assay.experiments import evaluate as verbs
    from assay.experiments.run import Run
    from assay.report.terminal import progress_bar

    evaluated_run, runtime = Run.find(run, runs), choose_runtime(device, precision, threads)
    with progress_bar("reading images", talks=True) as progress:
        if corruptions:
            robustness = verbs.evaluate_corrupted(evaluated_run, data, runtime=runtime, progress=progress)
        else:
            entry = verbs.evaluate(evaluated_run, data, runtime=runtime, progress=progress)
    if corruptions:
        _print_robustness(evaluated_run, *robustness, as_json)
        return
    show_entry(evaluated_run, entry, as_json)


def _print_robustness(run: "Run", robustness: "Robustness", label: str, as_json: bool) -> None:
    """Print the accuracies on corrupted images."""
    import json

    from assay.report.tables.robustness import robustness_table

    if as_json:
        typer.echo(json.dumps({"run": str(run.folder), **robustness.to_dict()}))
        return
    typer.echo(robustness_table(robustness, "text"))
    typer.echo(f"figure: {run.folder / 'figures' / f'{label}.png'}")
    typer.echo(f"look {run.looks_at(robustness.data)} at {robustness.data} by this run")
