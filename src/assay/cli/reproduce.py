"""`assay reproduce`: a published report's own study, as it was meant and as it was done."""

from pathlib import Path
from typing import Annotated

import typer

from assay.cli.options import (
    AddressOption,
    DeviceOption,
    EngineOption,
    MlflowOption,
    PrecisionOption,
    ProcessesOption,
    ReplicatesOption,
    RunsOption,
    ScaleOption,
    ThreadsOption,
    choose_engine,
    choose_runtime,
    given,
)
from assay.core.errors import UsageError


def reproduce(
    report: Annotated[str, typer.Argument(metavar="REPORT", help="kth, mlflow-grid, fashion, own-photos or transfer.")],
    scale: ScaleOption = None,
    full: Annotated[bool, typer.Option("--full", help="The real thing: all epochs and images.")] = False,
    replicates: ReplicatesOption = None,
    photos: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="own-photos: photographs in FOLDER/CLASS/ to score its nets on."),
    ] = None,
    engine: EngineOption = "local",
    address: AddressOption = None,
    processes: ProcessesOption = None,
    form: Annotated[str, typer.Option("--format", help="text, markdown, latex or csv.")] = "text",
    runs: RunsOption = None,
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
    threads: ThreadsOption = 1,
    mlflow: MlflowOption = True,
) -> None:
    """Run a report's study beside its figures: `assay reproduce kth --scale 0.02`."""
    if (scale is None) == (not full):
        raise UsageError("say how much of it: --scale 0.05 for a twentieth of the work, or --full")
    from assay.studies.reproduce import check_photographs, swept, written, written_photographs
    from assay.studies.reproduce import reproduce as run_report
    from assay.studies.runner import check_complete

    if photos is not None:
        check_photographs(report, photos)
    where = choose_engine(engine, address, choose_runtime(device, precision, threads), processes, mlflow)
    changes = given(scale=scale, replicates=replicates)
    table, searches, sweeps = run_report(report, changes, where, runs, lambda line: typer.echo(line, err=True))
    typer.echo(written(table, searches, form))
    if photos is not None:
        typer.echo("\n" + written_photographs(report, table, photos, where.runtime, form))
    for one in [*table, *sweeps] if sweeps else []:
        typer.echo("\n" + swept(one, form))
    for one in (*table, *searches, *sweeps):
        check_complete(one)
