"""`assay shift`: how your photos differ from a run's training images."""

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
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Photos in FOLDER/CLASS/, with the run's classes.")],
    antialias: Annotated[bool, typer.Option(help="Shrink with antialiasing, or take the nearest pixel.")] = True,
    squeeze: Annotated[
        bool, typer.Option("--squeeze/--crop", help="Squeeze photos to the net's proportions, or take their middle.")
    ] = False,
    as_json: JsonOption = False,
    fmt: Annotated[str, typer.Option("--format", help="text, markdown, latex or csv.")] = "text",
    runs: RunsOption = None,
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
    threads: ThreadsOption = None,
) -> None:
    """Compare your photos with a run's training images, and find the difference that costs accuracy."""
    import json

    from assay.data.photo_files import describe_shrinking
    from assay.experiments.photo_shift import measure_shift
    from assay.experiments.run import Run
    from assay.report.tables.domain_shift import domain_shift_tables
    from assay.report.terminal import progress_bar

    match = Run.find(run, runs)
    runtime = choose_runtime(device, precision, threads)
    with progress_bar("reading images", talks=True) as progress:
        result, figure = measure_shift(
            match, folder, antialias=antialias, squeeze=squeeze, runtime=runtime, progress=progress
        )
    shrinking = describe_shrinking(antialias, squeeze)
    if as_json:
        values = {"run": str(match.folder), "shrinking": shrinking, **result.to_dict()}
        typer.echo(json.dumps(values, ensure_ascii=False))
        return
    typer.echo(domain_shift_tables(result, fmt))
    typer.echo(f"\nphotos: {shrinking}")
    typer.echo(f"figure: {figure}")
    typer.echo(f"look {match.looks_at(f'{result.data}/test')} at {result.data} by this run")
