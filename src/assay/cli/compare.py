"""`assay compare`: is the difference between runs, or groups of replicates, real?"""

from typing import Annotated, Any

import typer

from assay.cli.options import RunsOption


def compare(
    names: Annotated[
        list[str], typer.Argument(metavar="RUN...", help="Runs, replicates or studies; the base comes first.")
    ],
    on: Annotated[str, typer.Option(help="validation or test; test counts as a look.")] = "validation",
    fmt: Annotated[str, typer.Option("--format", help="text, markdown, latex, csv or json.")] = "text",
    pairs: Annotated[bool, typer.Option("--pairs", help="Compare every pair, not only each with the first.")] = False,
    runs: RunsOption = None,
) -> None:
    """Compare runs on the same images: `assay compare BASE OTHER...`. Name replicates without their seed."""
    from assay.experiments.compare import compare as compare_runs
    from assay.report.tables.comparison import comparison_table
    from assay.studies.study import Study

    groups: list[Any] = []
    for name in names:
        study = Study.find(name, runs)
        groups += study.groups() if study else [name]
    comparisons = compare_runs(*groups, on=on, pairs=pairs, runs=runs)
    typer.echo(comparison_table(comparisons, fmt))
    if fmt == "text":
        for comparison in comparisons:
            reason = comparison.reason[0].upper() + comparison.reason[1:]
            typer.echo(f"{comparison.first} - {comparison.second}: {comparison.verdict}. {reason}.")
