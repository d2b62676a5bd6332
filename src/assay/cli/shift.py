"""`assay shift`: how one's own photographs differ from what a run was trained on."""

from pathlib import Path
from typing import Annotated

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


def shift(
    run: RunArgument,
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Photographs in FOLDER/CLASS/, the run's classes.")],
    antialias: Annotated[
        bool, typer.Option(help="How the photographs are shrunk; without, the nearest pixel is taken.")
    ] = True,
    as_json: JsonOption = False,
    form: Annotated[str, typer.Option("--format", help="text, markdown, latex or csv.")] = "text",
    runs: RunsOption = None,
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
    threads: ThreadsOption = None,
) -> None:
    """Compare photographs with a run's training images, and say which difference costs accuracy."""
    import json

    from assay.experiments.photo_evaluation import measure_shift
    from assay.experiments.run import Run
    from assay.report.tables.domain_shift import domain_shift_tables

    found = Run.find(run, runs)
    result, picture = measure_shift(
        found, folder, antialias=antialias, runtime=choose_runtime(device, precision, threads)
    )
    if as_json:
        typer.echo(json.dumps({"run": str(found.folder), **result.to_dict()}, ensure_ascii=False))
        return
    typer.echo(domain_shift_tables(result, form))
    typer.echo(f"\npicture: {picture}")
    typer.echo(f"look {found.looks_at(f'{result.data}/test')} at {result.data} by this run")
