"""`assay reproduce`: a published report's own study, as it was meant and as it was done."""

from typing import Annotated

import typer

from assay.cli.options import (
    AddressOption,
    DeviceOption,
    EngineOption,
    PrecisionOption,
    RunsOption,
    ThreadsOption,
    choose_engine,
    choose_runtime,
)
from assay.errors import UsageError


def reproduce(
    report: Annotated[str, typer.Argument(metavar="REPORT", help="kth, mlflow-grid, fashion or own-photos.")],
    scale: Annotated[float | None, typer.Option(help="Share of the work: fewer epochs and images alike.")] = None,
    full: Annotated[bool, typer.Option("--full", help="The real thing: all epochs and images.")] = False,
    replicates: Annotated[int | None, typer.Option(help="Seeds of every step.")] = None,
    engine: EngineOption = "local",
    address: AddressOption = None,
    processes: Annotated[int | None, typer.Option(help="Runs at once (default: one for each core).")] = None,
    form: Annotated[str, typer.Option("--format", help="text, markdown, latex or csv.")] = "text",
    runs: RunsOption = None,
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
    threads: ThreadsOption = 1,
    mlflow: Annotated[bool, typer.Option(help="Mirror the runs to MLflow, where it is installed.")] = True,
) -> None:
    """Run a report's study beside its figures: `assay reproduce kth --scale 0.02`."""
    if (scale is None) == (not full):
        raise UsageError("say how much of it: --scale 0.05 for a twentieth of the work, or --full")
    from assay.studies.conduct import check_complete
    from assay.studies.reproduce import reproduce as run_report
    from assay.studies.reproduce import written

    changes = {key: value for key, value in {"scale": scale, "replicates": replicates}.items() if value is not None}
    where = choose_engine(engine, address, choose_runtime(device, precision, threads), processes, mlflow)
    table, searches = run_report(report, changes, where, runs)
    typer.echo(written(table, searches, form))
    for one in (*table, *searches):
        check_complete(one)
