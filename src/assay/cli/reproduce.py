"""`assay reproduce`: a published paper's experiments, as intended and as run."""

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
    ThreadsPerRunOption,
    choose_engine,
    choose_runtime,
    drop_missing,
)
from assay.core.errors import UsageError


def reproduce(
    paper: Annotated[str, typer.Argument(metavar="PAPER", help="fashion, kth, mlflow-grid, own-photos or transfer.")],
    scale: ScaleOption = None,
    full: Annotated[bool, typer.Option("--full", help="The complete work: all epochs and images.")] = False,
    replicates: ReplicatesOption = None,
    photos: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="own-photos: photos in FOLDER/CLASS/ to score its nets on."),
    ] = None,
    engine: EngineOption = "local",
    address: AddressOption = None,
    processes: ProcessesOption = None,
    fmt: Annotated[str, typer.Option("--format", help="text, markdown, latex or csv.")] = "text",
    runs: RunsOption = None,
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
    threads: ThreadsPerRunOption = 1,
    mlflow: MlflowOption = True,
) -> None:
    """Run a paper's experiments and compare with its numbers: `assay reproduce kth --scale 0.02`."""
    if (scale is None) == (not full):
        raise UsageError("choose how much to run: --scale 0.05 for a twentieth of the work, or --full")
    from assay.report.terminal import RunsProgress
    from assay.studies.paper_tables import format_paper, format_photos, format_sweep
    from assay.studies.reproduce import check_photos
    from assay.studies.reproduce import reproduce as run_paper
    from assay.studies.runner import check_complete

    if photos is not None:
        check_photos(paper, photos)
    chosen_engine = choose_engine(engine, address, choose_runtime(device, precision, threads), processes, mlflow)
    changes = drop_missing(scale=scale, replicates=replicates)
    result = run_paper(paper, changes, chosen_engine, runs, RunsProgress())
    typer.echo(format_paper(result, fmt))
    if photos is not None:
        typer.echo("\n" + format_photos(result.table[0], photos, chosen_engine.runtime, fmt))
    for sweep in [*result.table, *result.sweeps] if result.sweeps else []:
        typer.echo("\n" + format_sweep(sweep, fmt))
    for study in result.all_studies:
        check_complete(study)
