"""`assay compare`: is the difference between runs, or groups of replicates, real?"""

from typing import Annotated, Any

import typer

from assay.cli.options import RunsOption


def compare(
    what: Annotated[
        list[str], typer.Argument(metavar="RUN...", help="Runs, replicates or studies; the base comes first.")
    ],
    on: Annotated[str, typer.Option(help="validation or test; a look at a test set is counted.")] = "validation",
    form: Annotated[str, typer.Option("--format", help="text, markdown, latex, csv or json.")] = "text",
    pairs: Annotated[bool, typer.Option("--pairs", help="Every pair, not only each with the first.")] = False,
    runs: RunsOption = None,
) -> None:
    """Compare runs on the same images: `assay compare BASE OTHER...`; name replicates without their seed."""
    from assay.experiments import compare as verbs
    from assay.report.tables.comparison import comparison_table
    from assay.studies.study import Study

    groups: list[Any] = []
    for name in what:
        known = Study.find(name, runs)
        groups += known.groups() if known else [name]
    found = verbs.compare(*groups, on=on, pairs=pairs, runs=runs)
    typer.echo(comparison_table(found, form))
    if form == "text":
        for one in found:
            typer.echo(f"{one.first} - {one.second}: {one.verdict}. {one.reason[0].upper()}{one.reason[1:]}.")
