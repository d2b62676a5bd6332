"""`assay predict`: classify image files."""

from pathlib import Path
from typing import Annotated

import typer

from assay.cli.options import JsonOption, RunArgument, RunsOption


def predict(
    run: RunArgument,
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="Image files of any size.")],
    as_json: JsonOption = False,
    runs: RunsOption = None,
) -> None:
    """Classify image files with a run's net and its preprocessing."""
    import json
    from dataclasses import asdict

    from rich.console import Console
    from rich.table import Table

    from assay.core.numbers import percent
    from assay.experiments.load import load
    from assay.experiments.run import Run

    answers = load(Run.find(run, runs)).predict(*images)
    if as_json:
        typer.echo(json.dumps([asdict(answer) for answer in answers], ensure_ascii=False))
        return
    table = Table("image", "class", "probability", "next", box=None, header_style="bold")
    for answer in answers:
        next_classes = [f"{name} {percent(p, 1)}" for name, p in list(answer.probabilities.items())[1:3]]
        table.add_row(answer.image, answer.class_name, percent(answer.probability, 1), ", ".join(next_classes))
    Console(highlight=False).print(table)
